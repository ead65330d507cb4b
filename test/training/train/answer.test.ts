import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tensor } from '@tensorflow/tfjs-core';
import { type Artifact, createRouter, memoryFiles, type PolicySpec, readArtifact } from 'pointsman';
import { createAnswerScorer } from 'pointsman/execution';
import { readFloat32 } from 'pointsman/internal';
import { loadRouter } from 'pointsman/node';
import { beforeAll, describe, expect, test } from 'vitest';
import { shortEmbedder } from '../../../data/month/short-embedder.ts';
import { type BuiltArtifact, buildArtifact } from '../../../training/artifact/build-artifact.ts';
import { writeArtifact } from '../../../training/artifact/write-artifact.ts';
import { parseTrainConfig, type TrainConfigInput } from '../../../training/config.ts';
import { useBackend } from '../../../training/fit/tensorflow.ts';
import type { OutcomeMatrix } from '../../../training/outcomes/matrix.ts';
import { splitOutcomes } from '../../../training/split/split.ts';
import type { AnswerReport } from '../../../training/train/answer.ts';
import { trainRouter } from '../../../training/train/train-router.ts';
import { answeredTraffic } from '../../fixtures/answered-traffic.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const embedder = await shortEmbedder(16);

async function train(matrix: OutcomeMatrix, config: TrainConfigInput = {}): Promise<BuiltArtifact> {
  const { splits, groups } = splitOutcomes(matrix, { seed: 0 });
  const { artifact } = await trainRouter({
    name: 'answered',
    matrix,
    splits,
    groups: groups.groups,
    dataFingerprint: 'answered',
    config: parseTrainConfig({
      resamples: 100,
      folds: 3,
      ngrams: { dimensions: 8 },
      heads: ['linear'],
      ...config,
    }),
    embedder,
  });
  return artifact;
}

function reportOf({ manifest }: BuiltArtifact): AnswerReport | undefined {
  return (manifest.provenance.config as { chosen: { answers?: AnswerReport } }).chosen.answers;
}

const read = ({ files }: BuiltArtifact): Promise<Artifact> => readArtifact(memoryFiles(files));

const traffic = answeredTraffic({ prompts: 240, seed: 1 });
const further = answeredTraffic({ prompts: 150, seed: 2 });
let sealed: BuiltArtifact;

beforeAll(async () => {
  sealed = await train(traffic);
}, 120_000);

/** How often a good answer is said to be likelier than one that is not, by candidate, over prompts that were not seen. */
async function areasUnder(artifact: Artifact, { candidates, given, prompts, quality }: typeof further) {
  const scorer = await createAnswerScorer(artifact);
  const said = given.map((text, cell) =>
    scorer.score({
      question: scorer.readQuestion(prompts[Math.floor(cell / 3)].request),
      candidate: candidates[cell % 3],
      success: 0.6,
      answer: { text: text ?? '' },
    }),
  );
  const areas = candidates.map((_, c) => {
    const own = said.filter((_, cell) => cell % 3 === c).map(({ probability }) => probability);
    const good = quality.filter((_, cell) => cell % 3 === c);
    let [pairs, wins] = [0, 0];
    own.forEach((a, i) => {
      own.forEach((b, k) => {
        if (good[i] <= good[k]) return;
        pairs++;
        wins += a > b ? 1 : a === b ? 0.5 : 0;
      });
    });
    return wins / pairs;
  });
  return { areas, said };
}

describe('a head that reads answers', () => {
  test('is learned where answers show what prompts do not, and training says by how much', async () => {
    const { answer, files } = sealed.manifest;
    expect(answer?.candidates).toEqual(['clerk', 'master', 'student']);
    expect(answer?.calibrators.length).toBe(4);
    const paths = files.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining([
        'answer.bin',
        'answer.json',
        'answer-ngrams.bin',
        'answer-standardisation.bin',
      ]),
    );
    const report = reportOf(sealed);
    expect(report?.loss).toBeLessThan(0.8 * (report?.promptLoss ?? 0));
    expect(report?.summary).toContain(
      `${report?.loss?.toFixed(3)} against ${report?.promptLoss?.toFixed(3)}`,
    );
    const { areas, said } = await areasUnder(await read(sealed), further);
    expect(Math.min(...areas)).toBeGreaterThan(0.9);
    const mean = said.reduce((sum, { probability }) => sum + probability, 0) / said.length;
    const good = further.quality.reduce((sum, value) => sum + value, 0) / said.length;
    expect(Math.abs(mean - good)).toBeLessThan(0.08);
  });

  test('is the TF.js model that the artifact names, fed what the table keeps, to 1e-5', async () => {
    const wordless = await train(answeredTraffic({ prompts: 240, seed: 1, words: false }));
    const { answer } = wordless.manifest;
    expect(answer?.features.blocks.map(({ kind }) => kind)).toEqual(['checks', 'numeric']);
    const length = answer?.features.length ?? 0;
    const file = (path = '') => wordless.files.get(path) as Uint8Array;
    const { modelTopology, weightsManifest } = JSON.parse(
      new TextDecoder().decode(file(answer?.model.topology)),
    );
    expect(weightsManifest[0].paths).toEqual([answer?.model.weights]);
    const { tf } = await useBackend();
    const model = await tf.loadLayersModel(
      tf.io.fromMemory({
        modelTopology,
        weightSpecs: weightsManifest[0].weights,
        weightData: file(answer?.model.weights).slice().buffer as ArrayBuffer,
      }),
    );
    const scorer = await createAnswerScorer(await read(wordless));
    const scales = readFloat32(file(answer?.features.standardisation), 0, 2 * length);
    const kept = further.answers!;
    for (const cell of [0, 4, 8, 100, 301]) {
      const inputs = Float32Array.from({ length: 1 + length }, (_, i) => {
        if (i === 0) return Math.log(0.7 / 0.3);
        const value = (kept.checks[cell * length + i - 1] - scales[i - 1]) * scales[length + i - 1];
        return Math.max(-5, Math.min(5, value));
      });
      const logits = (model.predict(tf.tensor2d(inputs, [1, 1 + length])) as Tensor).dataSync();
      const candidate = further.candidates[cell % 3];
      const { key, logit } = scorer.score({
        question: scorer.readQuestion(further.prompts[Math.floor(cell / 3)].request),
        ...{ candidate, success: 0.7, answer: { text: further.given[cell] ?? '' } },
      });
      expect(Math.abs(logit - logits[answer?.candidates.indexOf(candidate) ?? 0])).toBeLessThan(1e-5);
      expect(key).toBe(kept.keys[cell]);
    }
    model.dispose();
  });

  test('is left out where answers show nothing, and training says so', async () => {
    const built = await train(answeredTraffic({ prompts: 240, seed: 3, signal: false }));
    expect(built.manifest.answer).toBeUndefined();
    expect([...built.files.keys()].filter((path) => path.startsWith('answer'))).toEqual([]);
    const report = reportOf(built);
    expect(report?.summary).toMatch(
      /is not surely better than the prompt alone \(log-loss of 0\.\d+ against/,
    );
    await expect(createAnswerScorer(await read(built))).rejects.toThrow('has no answer head');
  });

  test('changes no byte where there are no answers, or none are wanted', async () => {
    const { answers: _, ...bare } = answeredTraffic({ prompts: 120, seed: 1 });
    const without = await train(bare);
    expect(reportOf(without)).toBeUndefined();
    const unwanted = await train(answeredTraffic({ prompts: 120, seed: 1 }), { answers: false });
    expect(unwanted.manifest.answer).toBeUndefined();
    for (const { path, sha256 } of without.manifest.files)
      expect(unwanted.manifest.files.find((file) => file.path === path)?.sha256).toBe(sha256);
    expect(unwanted.manifest.files.length).toBe(without.manifest.files.length);
    expect(without.manifest.provenance.config).not.toHaveProperty('answers');
  });

  test('says that there are too few answers where there are', async () => {
    const few = answeredTraffic({ prompts: 120, seed: 1 });
    const places = few.answers!.places.map((place, cell) => (cell < 30 ? place : Number.NaN));
    const built = await train({ ...few, answers: { ...few.answers!, places } });
    expect(built.manifest.answer).toBeUndefined();
    expect(reportOf(built)?.summary).toMatch(/^There are too few rated answers to learn from: \d+,/);
  });

  test('judges a candidate without answers, and one that comes later, by what all have in common', async () => {
    const built = await train(answeredTraffic({ prompts: 240, seed: 1, silent: ['student'] }));
    expect(built.manifest.answer?.candidates).toEqual(['clerk', 'master']);
    const artifact = await read(built);
    expect((await areasUnder(artifact, further)).areas[2]).toBeGreaterThan(0.9);
    const scorer = await createAnswerScorer(artifact);
    const given = {
      question: scorer.readQuestion(further.prompts[0].request),
      answer: { text: further.given[0] ?? '' },
      success: 0.6,
    };
    expect(scorer.score({ ...given, candidate: 'newcomer' })).toEqual(
      scorer.score({ ...given, candidate: 'student' }),
    );
  });

  test('is told by those who agree: an answer that an earlier one contradicts is less likely to be good', async () => {
    expect(sealed.manifest.answer?.earlier?.weights.length).toBe(7);
    const scorer = await createAnswerScorer(await read(sealed));
    const question = scorer.readQuestion({
      text: 'A store holds 30 boxes and 41 crates. How many are there in all?',
    });
    const said = (text: string, candidate: string, earlier: readonly { logit: number; key: string }[] = []) =>
      scorer.score({ question, candidate, success: 0.6, answer: { text }, earlier });
    const right = said('The answer is 71.', 'clerk');
    const agrees = said('We add them: the answer is 71.', 'student', [right]);
    const differs = said('We add them: the answer is 75.', 'student', [right]);
    expect(agrees.key).toBe(right.key);
    expect(agrees.probability).toBeGreaterThan(differs.probability);
  });

  test('refuses an answer without words, and what is no probability', async () => {
    const scorer = await createAnswerScorer(await read(sealed));
    const question = scorer.readQuestion({ text: 'What is 1 + 1?' });
    const score = (text: string, success: number) =>
      scorer.score({ question, candidate: 'clerk', success, answer: { text } });
    expect(() => score(' \n', 0.5)).toThrow('`text` of an answer to score must not be empty');
    for (const success of [Number.NaN, -0.1, 1.1])
      expect(() => score('2', success)).toThrow('`success` of an answer to score must be from 0 to 1');
    expect(score('2', 0).probability).toBeLessThan(score('2', 1).probability);
  });
});

const TESTED: PolicySpec = {
  kind: 'cascade',
  steps: [{ use: 'clerk', accept: { kind: 'answer', threshold: 0.7 } }, { use: 'master' }],
};

describe('files of the answer head', () => {
  const folder = temporaryFolder();
  /** Files in memory, and which of them were asked for. */
  const watched = (files: ReadonlyMap<string, Uint8Array>) => {
    const asked: string[] = [];
    const inner = memoryFiles(files);
    return {
      asked,
      files: {
        read: (path: string, maxBytes: number) => {
          asked.push(path);
          return inner.read(path, maxBytes);
        },
      },
    };
  };
  const damaged = (files: ReadonlyMap<string, Uint8Array>, path: string) =>
    new Map([
      ...files,
      [path, (files.get(path) as Uint8Array).map((byte, i) => (i === 9 ? byte ^ 1 : byte))],
    ]);

  test('are read when the head is asked for, and not before', async () => {
    const { asked, files } = watched(sealed.files);
    const artifact = await readArtifact(files);
    createRouter(artifact, { embedder: embedder.embedder, policy: TESTED });
    expect(asked.filter((path) => path.startsWith('answer'))).toEqual([]);
    await createAnswerScorer(artifact);
    await createAnswerScorer(artifact);
    expect(asked.filter((path) => path.startsWith('answer')).sort()).toEqual([
      ...['answer-ngrams.bin', 'answer-standardisation.bin', 'answer.bin', 'answer.json'],
    ]);
  });

  test('are checked when a router is loaded whose policy asks the head, and left alone by others', async () => {
    const { path } = await writeArtifact(folder.path('answered'), sealed);
    await expect(loadRouter(path, { policy: TESTED })).resolves.toBeDefined();
    const whole = await readFile(join(path, 'answer.bin'));
    await writeFile(join(path, 'answer.bin'), whole.subarray(4));
    await expect(loadRouter(path, { policy: TESTED })).rejects.toThrow('answer.bin must be');
    await expect(loadRouter(path)).resolves.toBeDefined();
  });

  test.each(['answer.bin', 'answer.json', 'answer-ngrams.bin', 'answer-standardisation.bin'])(
    'are checked: %s, damaged, is refused by its name',
    async (path) => {
      const artifact = await readArtifact(memoryFiles(damaged(sealed.files, path)));
      createRouter(artifact, { embedder: embedder.embedder });
      await expect(createAnswerScorer(artifact)).rejects.toThrow(`${path} was edited or damaged`);
      await expect(readArtifact(memoryFiles(damaged(sealed.files, path)), { reports: true })).rejects.toThrow(
        path,
      );
    },
  );

  test('and what does not fit together is refused, whoever sealed it', async () => {
    const answer = sealed.manifest.answer!;
    const refused = async (change: object, files = sealed.files) => {
      const {
        schemaVersion: _s,
        id: _i,
        metrics: _m,
        files: _f,
        reports: _r,
        digest: _d,
        ...rest
      } = sealed.manifest;
      const core = new Map(sealed.manifest.files.map(({ path }) => [path, files.get(path) as Uint8Array]));
      const built = await buildArtifact({ ...rest, answer: { ...answer, ...change } }, core);
      return createAnswerScorer(await readArtifact(memoryFiles(built.files)));
    };
    await expect(refused({})).resolves.toBeDefined();
    await expect(refused({ version: 2 })).rejects.toThrow('answer.version');
    await expect(refused({ candidates: ['clerk', 'nobody', 'student'] })).rejects.toThrow(
      'answer.candidates',
    );
    await expect(refused({ candidates: ['clerk'] })).rejects.toThrow('answer.calibrators');
    await expect(
      refused({ candidates: ['clerk'], calibrators: answer.calibrators.slice(0, 2) }),
    ).rejects.toThrow('answer.json must read');
    await expect(refused({ earlier: { weights: [1], bias: 0 } })).rejects.toThrow('answer.earlier.weights');
    const { features } = answer;
    await expect(refused({ features: { ...features, length: 5 } })).rejects.toThrow('answer.features.length');
    const renamed = features.blocks.map((block) =>
      block.kind === 'checks' ? { ...block, names: ['other', ...block.names.slice(1)] } : block,
    );
    await expect(refused({ features: { ...features, blocks: renamed } })).rejects.toThrow(
      'the checks of answers of the artifact must be',
    );
    await expect(refused({ model: { ...answer.model, weights: 'gone.bin' } })).rejects.toThrow('gone.bin');
    await expect(refused({ thresholds: { shared: 1.5 } })).rejects.toThrow('answer.thresholds');
  });
});

describe('a policy that asks the head', () => {
  test('is refused by name where the router has none, also while it is trained', async () => {
    const { answers: _, ...bare } = traffic;
    await expect(train(bare, { policy: { ...TESTED } })).rejects.toThrow(
      '`policy` of the training config asks a head that reads answers, and there is none. The traffic has no answers',
    );
    const without = await read(await train(bare));
    expect(() => createRouter(without, { embedder: embedder.embedder, policy: TESTED })).toThrow(
      '`steps[0].accept` of policy must ask an answer head that is there',
    );
  });

  test('with `tuned` has the numbers of the manifest in its plan, and without them is refused', async () => {
    const tuned: PolicySpec = {
      kind: 'cascade',
      steps: [
        { use: 'clerk', accept: { kind: 'answer', threshold: 'tuned' } },
        { use: 'student', accept: { kind: 'all', tests: [{ kind: 'answer', threshold: 'tuned' }] } },
        { use: 'master' },
      ],
    };
    const open = async (thresholds: object | null, policy: PolicySpec = tuned) => {
      const artifact = await read(sealed);
      const answer = { ...artifact.manifest.answer!, ...(thresholds === null ? {} : { thresholds }) };
      const manifest = { ...artifact.manifest, answer } as Artifact['manifest'];
      return createRouter({ ...artifact, manifest }, { embedder: embedder.embedder, policy });
    };
    const accepts = async (thresholds: object) => {
      const { plan } = await (await open(thresholds)).route({ text: 'What is 1 + 1?' });
      return plan.kind === 'sequence' ? plan.steps.map(({ accept }) => accept) : [];
    };
    const test = (threshold: number) => ({ kind: 'answer', threshold });
    expect(await accepts({ shared: 0.8 })).toEqual([test(0.8), { kind: 'all', tests: [test(0.8)] }, null]);
    expect(await accepts({ steps: [0.6, 0.9] })).toEqual([
      test(0.6),
      { kind: 'all', tests: [test(0.9)] },
      null,
    ]);
    await expect(open(null)).rejects.toThrow(
      '`steps[0].accept` of policy must ask an answer head that is there, tuned where it says so',
    );
    await expect(open({ steps: [0.6] })).rejects.toThrow('`steps[1].accept` of policy must ask');
    const hedge: PolicySpec = {
      kind: 'speculative',
      fast: 'clerk',
      slow: 'master',
      accept: { kind: 'answer', threshold: 'tuned' },
    };
    const { plan } = await (await open({ shared: 0.75 }, hedge)).route({ text: 'What is 1 + 1?' });
    expect(plan).toMatchObject({ kind: 'hedge', accept: test(0.75) });
    await expect(open(null, hedge)).rejects.toThrow(
      '`accept` of policy must ask an answer head that is there, tuned where it says so',
    );
  });

  test.each([Number.NaN, -0.1, 1.1, 'other'])(
    'has a threshold from 0 to 1, which %s is not',
    async (threshold) => {
      const artifact = await read(sealed);
      const policy = {
        kind: 'cascade',
        steps: [{ use: 'clerk', accept: { kind: 'answer', threshold } }, { use: 'master' }],
      };
      expect(() =>
        createRouter(artifact, { embedder: embedder.embedder, policy: policy as PolicySpec }),
      ).toThrow(/`steps\[0\]\.accept/);
    },
  );
});
