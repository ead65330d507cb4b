import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createRouter, memoryFiles, type Router, readArtifact } from 'pointsman';
import { createRandom, quantileSorted } from 'pointsman/internal';
import { servingArtifact } from '../test/fixtures/serving-artifact.ts';
import { tinyArtifact } from '../test/fixtures/tiny-artifact.ts';
import { writeArtifact } from '../training/artifact/write-artifact.ts';
import { atMost, type BenchLine } from './bench-line.ts';
import { bundledSize } from './bundled-size.ts';
import { readOutcomeSet } from './outcome-sets.ts';
import { benchPrompts } from './prompts.ts';
import { trainOnce } from './train-once.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const WARM_UP = 2_000;
const ROUNDS = 10_000;
const CANDIDATES = 9;
const SIZES = { fit: 0.56, calibrate: 0.14, test: 0.3 };

/** How long a decision takes, how long a router takes to load, and how large its code is. Needs `npm run build`. */
export async function benchDecision(): Promise<BenchLine[]> {
  return [...(await decisionLines()), ...(await embeddingLines()), await loadLine(), ...(await sizeLines())];
}

/** A router that was really trained, all its heads and all its tasks, where the public set is there; else one made up. */
async function decisionLines(): Promise<BenchLine[]> {
  const nine = await readOutcomeSet('llmrouter9');
  const trained = nine === null ? null : await trainOnce(nine.matrix, nine.groups, SIZES, 0);
  const sealed = trained?.trained.artifact ?? (await servingArtifact({ candidates: CANDIDATES }));
  const router = createRouter(await readArtifact(memoryFiles(sealed.files)));
  const { texts, from } = await benchPrompts(2_000, 1_000);
  const times = new Float64Array(ROUNDS);
  for (let i = -WARM_UP; i < ROUNDS; i++) {
    const request = { text: texts[(i + WARM_UP) % texts.length] };
    const started = performance.now();
    await router.route(request);
    if (i >= 0) times[i] = 1000 * (performance.now() - started);
  }
  times.sort();
  const which = trained === null ? 'a made-up router' : 'trained on llmrouter9';
  const note = `${which}, ${texts.length} different prompts of 1,000 characters (${from}), ${ROUNDS} decisions`;
  return [
    atMost('one decision, static embedder, p50', quantileSorted(times, 0.5), 'µs', 100, note),
    atMost('one decision, static embedder, p99', quantileSorted(times, 0.99), 'µs', 300, note),
  ];
}

async function embeddingLines(): Promise<BenchLine[]> {
  const dimensions = 512;
  const sealed = await tinyArtifact({ dimensions, candidates: CANDIDATES, success: 'linear' });
  const router: Router = createRouter(await readArtifact(memoryFiles(sealed.files)), {
    embedder: { id: 'fake', dimensions, embed: async () => [] },
  });
  const random = createRandom(3);
  const vectors = Array.from({ length: 500 }, () =>
    Float32Array.from({ length: dimensions }, () => 0.05 * random.normal()),
  );
  const times = new Float64Array(ROUNDS);
  for (let i = -WARM_UP; i < ROUNDS; i++) {
    const vector = vectors[(i + WARM_UP) % vectors.length];
    const started = performance.now();
    router.routeEmbedding(vector);
    if (i >= 0) times[i] = 1000 * (performance.now() - started);
  }
  times.sort();
  const note = 'choice, success, cost and latency: four linear heads of 512 x 9';
  return [atMost('one decision, embedding given, p50', quantileSorted(times, 0.5), 'µs', 10, note)];
}

async function loadLine(): Promise<BenchLine> {
  const folder = await mkdtemp(join(tmpdir(), 'pointsman-bench-'));
  try {
    const sealed = await servingArtifact({ candidates: CANDIDATES });
    await writeArtifact(folder, sealed);
    const script = `
      const started = performance.now();
      const { loadRouter } = await import(${JSON.stringify(`file://${ROOT}src/dist/node/index.js`)});
      await loadRouter(${JSON.stringify(folder)});
      console.log(performance.now() - started);`;
    const times: number[] = [];
    for (let i = 0; i < 9; i++) {
      const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
      times.push(Number(stdout));
    }
    times.sort((a, b) => a - b);
    let bytes = 0;
    for (const file of sealed.files.values()) bytes += file.length;
    const note = `median of 9 new processes; an artifact of ${(bytes / 1e6).toFixed(1)} MB with its digests checked`;
    return atMost('import and load an artifact, cold', times[4], 'ms', 60, note);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function sizeLines(): Promise<BenchLine[]> {
  const lines: BenchLine[] = [];
  for (const [name, entry, most] of [
    ['pointsman', 'dist/index.js', 44],
    ['pointsman/node', 'dist/node/index.js', 46],
    ['pointsman/tiny', 'dist/tiny.js', 36],
  ] as const) {
    const kilobytes = (await bundledSize(entry)).bytes / 1000;
    lines.push(
      atMost(
        `size of ${name}`,
        kilobytes,
        'kB',
        most,
        'everything it exports, minified and gzipped; what reads rules comes on top when a policy has some',
      ),
    );
  }
  return lines;
}
