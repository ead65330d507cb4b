import { cp, readFile, writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { main } from '../../../training/cli/main.ts';
import { temporaryFolder } from '../outcomes/temporary-folder.ts';
import { type CapturedIo, capturedIo } from './captured-io.ts';
import { plantedRows, writeRows } from './planted-file.ts';

const SUM = 'What is 4711 + 42 when ships number 7 are counted twice?';

const { path } = temporaryFolder();
const router = path('models/planted');
let traffic: string;

async function run(argv: readonly string[], input = ''): Promise<CapturedIo & { code: number }> {
  const io = capturedIo({ input });
  return { ...io, code: await main(argv, io) };
}

const tune = (...flags: string[]) =>
  run(['tune', router, traffic, '--work', path('work'), '--quiet', ...flags]);

beforeAll(async () => {
  traffic = await writeRows(path('traffic.jsonl'), plantedRows({ prompts: 300, seed: 1 }));
  await writeFile(path('train.yaml'), 'resamples: 100\nfolds: 2\nexamples: 50\nngrams: { dimensions: 0 }\n');
  const argv = ['train', traffic, '--out', router, '--config', path('train.yaml'), '--quiet'];
  await run([...argv, '--work', path('work')]);
}, 120_000);

describe('pointsman tune', () => {
  it('finds the threshold for a share, on the calibrate split, and says what it does on the test split', async () => {
    const { code, said } = await tune('--strong-share', '0.3', '--candidates', 'poet,large');
    expect(said.err).toBe('');
    expect(code).toBe(0);
    expect(said.out).toMatch(/^kind: threshold\nweak: poet\nstrong: large\nthreshold: -?0\.\d+\n/);
    expect(said.out).toMatch(
      /On the test split: \d+\.\d % of 60 requests go to the last candidate, which saves/,
    );
  });

  it('writes a policy that explain and loadRouter can read', async () => {
    const policy = path('policy.yaml');
    const { said } = await tune(
      '--strong-share',
      '0.5',
      '--candidates',
      'poet,reckoner,large',
      '--out',
      policy,
    );
    expect(said.out).toContain(`Written to ${policy}.`);
    expect(parse(await readFile(policy, 'utf8'))).toMatchObject({ kind: 'cascade' });
    const explained = await run(['explain', router, SUM, '--policy', policy, '--json']);
    expect(JSON.parse(explained.said.out).policyPath[0]).toMatch(/^cascade:\d$/);
  });

  it('keeps to a quality loss with confidence; JSON gives the figures', async () => {
    const { code, said } = await tune('--max-quality-loss', '0.2', '--candidates', 'poet,large', '--json');
    expect(code).toBe(0);
    const { policy, tuned, test } = JSON.parse(said.out);
    expect(policy.kind).toBe('threshold');
    expect(tuned.rows).toBe(60);
    expect(test.strongShare).toBeLessThanOrEqual(1);
  });

  it('takes the cheapest and the best where none are named, and uses all of newer traffic', async () => {
    const newer = await writeRows(path('newer.jsonl'), plantedRows({ prompts: 310, seed: 2 }));
    const argv = ['tune', router, newer, '--work', path('work'), '--quiet', '--strong-share', '0.2'];
    const { said } = await run(argv);
    expect(said.out).toContain('all of it was tuned on');
    expect(said.out).toMatch(/On the same prompts: \d+\.\d % of 310 requests/);
  });

  it('tunes a test of answers from a column of the metadata, one threshold a step', async () => {
    const rows = plantedRows({ prompts: 400, seed: 3 }).map((row) => ({
      ...row,
      // Right answers are surer of themselves.
      metadata: { judge: { logprob: row.quality === 1 ? -0.05 : -0.9 } },
    }));
    const scored = await writeRows(path('scored.jsonl'), rows);
    const argv = ['tune', router, scored, '--work', path('work'), '--quiet', '--max-quality-loss', '0.1'];
    const judged = [...argv, '--accept', 'logprob', '--candidates', 'poet,reckoner,large', '--per-step'];
    const { code, said } = await run([...judged, '--accept-score', 'metadata.judge.logprob', '--json']);
    expect(said.err).toBe('');
    expect(code).toBe(0);
    const { policy, tuned } = JSON.parse(said.out);
    const { accept } = policy.steps[0];
    expect(accept.kind).toBe('logprob');
    expect(accept.min).toBeLessThan(-0.05);
    expect(tuned.loss).toBeLessThan(0.1);
    expect(tuned.costSaved).toBeGreaterThan(0.3);
    const missing = await run(judged);
    expect(missing.said.err).toMatch(/^No row has a number in metadata.logprob. Put it into the `metadata`/);
    expect((await run([...argv, '--accept', 'agreement'])).code).toBe(2);
    expect((await run([...argv, '--accept-score', 'metadata.x'])).code).toBe(2);
  });

  it('makes a policy that of the router: a new version, the same weights, in use at once', async () => {
    const copy = path('models/applied');
    await cp(router, copy, { recursive: true });
    const before = JSON.parse((await run(['inspect', copy, '--json'])).said.out);
    const argv = ['tune', copy, traffic, '--work', path('work'), '--quiet', '--apply'];
    const { said } = await run([...argv, '--strong-share', '0.4', '--candidates', 'poet,large']);
    const [, version] = /It is in use: version (v-\w+) of the router/.exec(said.out) ?? [];
    const after = JSON.parse((await run(['inspect', copy, '--json'])).said.out);
    expect(after.id.endsWith(version.slice(2))).toBe(true);
    expect(after.policy).toMatchObject({ kind: 'threshold', weak: 'poet', strong: 'large' });
    expect(after.files).toEqual(before.files);
    expect(after.provenance.config.amended).toEqual([
      { from: before.id, what: 'The policy was tuned to a threshold of 2 candidates.' },
    ]);
    expect(after.metrics.strongShare).toBeGreaterThan(0.2);
    expect(after.metrics.strongShare).toBeLessThan(0.6);
    const decided = JSON.parse((await run(['route', copy, SUM, '--json'])).said.out);
    expect(decided.policyPath[0]).toMatch(/^threshold:/);
    // It can be tuned again, and explained by the same examples; the version before is still there.
    const again = await run([...argv, '--strong-share', '0.1', '--candidates', 'poet,large']);
    expect(again.code).toBe(0);
    const last = JSON.parse((await run(['inspect', copy, '--json'])).said.out);
    expect(last.provenance.config.amended).toHaveLength(2);
    expect((await run(['explain', copy, SUM])).said.out).toContain('Nearest prompts of the training');
    expect((await run(['inspect', `${copy}/${version}`])).code).toBe(0);
    const inVersion = await run(['tune', `${copy}/${version}`, ...argv.slice(2), '--strong-share', '0.1']);
    expect(inVersion.said.err).toMatch(/^A new version must go to the folder of a router/);
  });

  it('says what is wrong', async () => {
    expect((await tune()).code).toBe(2);
    expect((await tune('--strong-share', '2')).code).toBe(2);
    const few = await tune('--max-quality-loss', '0.001', '--candidates', 'poet,large');
    expect(few.code).toBe(1);
    expect(few.said.err).toMatch(/^60 prompts are too few to show a quality loss of at most 0.001/);
    const unknown = await tune('--strong-share', '0.2', '--candidates', 'poet,huge');
    expect(unknown.said.err).toMatch(/among large, poet, reckoner. Got "huge"/);
  });
});

describe('pointsman explain', () => {
  it('tells the plan, the fallback, what would change it, the signals and the nearest prompts', async () => {
    const { code, said } = await run(['explain', router, SUM, '--signal', 'tier=gold']);
    expect(said.err).toBe('');
    expect(code).toBe(0);
    expect(said.out).toMatch(/^reckoner, with a probability of 0\.\d\d of a good answer/);
    expect(said.out).toContain('\nWhat is called\n  reckoner\n');
    expect(said.out).toMatch(/\nWhat would change it\n {2}\w+ would be first with the weight of/);
    expect(said.out).toContain('\nSignals looked at\n  tier: "gold"\n');
    expect(said.out).toMatch(/\nNearest prompts of the training\n {2}0\.\d\d "What is \d+ \+ /);
  });

  it('shows nested plans, a line a step', async () => {
    await writeFile(
      path('nested.yaml'),
      `kind: rules
rules:
  - name: sums
    when: tokens > 3
    then:
      kind: cascade
      steps:
        - { use: poet, accept: { kind: logprob, min: -0.5 } }
        - use: { kind: speculative, fast: reckoner, slow: large, delayMs: 200 }
otherwise: large
`,
    );
    const { said } = await run(['explain', router, SUM, '--policy', path('nested.yaml')]);
    expect(said.out).toContain(
      `What is called
  in turn, until an answer is accepted:
    poet
    accepted if {"kind":"logprob","min":-0.5}
    the first, and the second 200 ms later unless it has answered:
      reckoner
      large
`,
    );
    expect(said.out).toContain('rules:sums > cascade:1');
  });

  it('splits by the tasks of the traffic, which the router has learned to tell apart', async () => {
    const { task, novelty, candidates } = JSON.parse((await run(['inspect', router, '--json'])).said.out);
    expect(task.names).toHaveLength(2);
    expect(novelty.threshold).toBeGreaterThan(0);
    expect(candidates[0].p95LatencyMs).toBeGreaterThan(candidates[0].meanLatencyMs);
    const domains = Object.fromEntries(task.names.map((name: string) => [name, 'poet']));
    await writeFile(
      path('tasks.json'),
      JSON.stringify({ kind: 'hierarchical', minConfidence: 0.6, domains, otherwise: 'large' }),
    );
    const { said } = await run(['explain', router, SUM, '--policy', path('tasks.json'), '--json']);
    const { candidate, signals } = JSON.parse(said.out);
    expect(candidate).toBe('poet');
    expect(signals.taskConfidence).toBeGreaterThan(0.6);
  });

  it('says what is wrong with a signal or a policy', async () => {
    const signal = await run(['explain', router, SUM, '--signal', 'quality=best']);
    expect(signal.said.err).toMatch(/`signals.quality` of route options must be/);
    await writeFile(path('bad.yaml'), 'kind: threshold\nstrong: large\n');
    const policy = await run(['explain', router, SUM, '--policy', path('bad.yaml')]);
    expect(policy.said.err).toMatch(/`weak` of policy must be text/);
    expect((await run(['explain', router])).code).toBe(2);
  });
});
