import { cp, readFile, writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { main } from '../../../training/cli/main.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
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
    expect(said.out).toMatch(/On the test split: large answers \d+\.\d % of 60 requests, which saves/);
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

  it('keeps to it over as many requests as are named, which it says', async () => {
    const flags = ['--max-loss', '20', '--candidates', 'poet,large'];
    const { said } = await tune(...flags, '--requests', '40');
    expect(said.out).toContain(
      'On 40 requests like the 60 it was tuned on, this policy loses at most 20.0 points',
    );
    const shareOf = async (...more: string[]) =>
      JSON.parse((await tune(...flags, ...more, '--json')).said.out).tuned.strongShare;
    // What happens to ten says little: fewer may go to the weak one.
    expect(await shareOf('--requests', '10')).toBeGreaterThan(await shareOf());
    expect((await tune(...flags, '--requests', '1.5')).code).toBe(2);
    expect((await tune('--max-loss', '20', '--requests', '40')).said.err).toContain('--requests goes with');
    expect((await tune('--strong-share', '0.3', '--requests', '40')).code).toBe(2);
  });

  it('takes the cheapest and the best where none are named, and of newer traffic all that was not seen', async () => {
    const newer = await writeRows(path('newer.jsonl'), plantedRows({ prompts: 310, seed: 2 }));
    const argv = ['tune', router, newer, '--work', path('work'), '--quiet', '--strong-share', '0.2'];
    const { said } = await run(argv);
    // A verse that was drawn in both.
    expect(said.out).toContain('1 of 310 prompts was left out: the router was fitted on it');
    expect(said.out).toMatch(
      /On the same prompts, which flatters it: large answers \d+\.\d % of 309 requests/,
    );
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
    expect(few.said.err).toMatch(
      /^60 prompts are too few to show a loss of at most 0\.10 points with 90 % confidence\. Collect \d,\d{3} or more/,
    );
    const unknown = await tune('--strong-share', '0.2', '--candidates', 'poet,huge');
    expect(unknown.said.err).toMatch(/among large, poet, reckoner. Got "huge"/);
  });
});

describe('pointsman tune, weights of all candidates', () => {
  const set = (folder: string, ...flags: string[]) => run(['tune', folder, ...flags]);
  const copied = async (name: string) => {
    await cp(router, path(name), { recursive: true });
    return path(name);
  };

  it('sets a setting of the dial without traffic, and says what the training measured of it', async () => {
    const { code, said } = await set(router, '--setting', 'cheapest');
    expect(said.err).toBe('');
    expect(code).toBe(0);
    expect(said.out).toMatch(/^kind: utility\nweights: cheapest\n/);
    expect(said.out.replaceAll('\n', ' ')).toMatch(
      /On 60 prompts of the test split, it .* always using large .*, at \d+ % of the cost, which saves \$[\d.]+ per 1,000 requests\./,
    );
    const { policy, setting, worth } = JSON.parse(
      (await set(router, '--setting', 'balanced', '--json')).said.out,
    );
    expect(policy).toEqual({ kind: 'utility', weights: 'balanced' });
    expect(setting).toBe('balanced');
    expect(worth.savedShare.estimate).toBeGreaterThan(0.5);
  });

  it('makes a setting that keeps to a loss the policy of the router; inspect shows the dial, and which is in use', async () => {
    const folder = await copied('models/dialled');
    const { said } = await set(folder, '--setting', 'lose-5', '--apply');
    expect(said.out).toContain('this policy loses at most 5.0 points of mean quality against');
    expect(said.out).toMatch(/It is in use: version v-\w+ of the router\.\n$/);
    const inspected = (await run(['inspect', folder])).said.out;
    expect(inspected).toMatch(
      /^The policy was set to weights of 1 for quality, [\d.]+ for cost and 0 for latency/,
    );
    expect(inspected).toMatch(/^(lose-5|lose-1|lose-2) \* +\d+\.\d/m);
    expect(inspected).not.toMatch(/^best \*/m);
    const { metrics, policy } = JSON.parse((await run(['inspect', folder, '--json'])).said.out);
    expect(policy.weights).toMatchObject({ quality: 1, latency: 0 });
    expect(metrics.savedUsd).toBeGreaterThan(0);
    const decided = JSON.parse((await run(['route', folder, SUM, '--json'])).said.out);
    expect(decided.policyPath).toEqual(['utility:custom']);
  });

  it('sets weights that are given as numbers, and keeps the limits of the policy', async () => {
    const { said } = await set(router, '--weights', 'quality=1,cost=0.05', '--json');
    expect(JSON.parse(said.out)).toMatchObject({
      policy: { kind: 'utility', weights: { quality: 1, cost: 0.05, latency: 0 } },
      setting: null,
      guarantee: null,
      worth: null,
    });
  });

  it('finds the cheapest weights that keep to a loss, among the others on the same prompts', async () => {
    const { code, said } = await tune('--max-loss', '10', '--confidence', '0.8');
    expect(said.err).toBe('');
    expect(code).toBe(0);
    const words = said.out.replaceAll(/\s+/g, ' ');
    expect(words).toMatch(
      /^kind: utility weights: .* loses at most 10\.0 points of mean quality against always using large, with 80 % confidence, as 60 prompts show \(Learn-then-Test\)\. On 60 prompts of the test split, it is /,
    );
    expect(said.out).toMatch(/^[\d.]+ \* +\d+\.\d +[+−]?\d+\.\d+ \(/m);
    const { frontier, policy, weights, worth } = JSON.parse(
      (await tune('--max-loss', '10', '--json')).said.out,
    );
    expect(policy.weights).toEqual(weights);
    expect(frontier.length).toBeGreaterThan(1);
    expect(frontier).toContainEqual({ weights, worth });
    expect(frontier[0].weights).toEqual({ quality: 1, cost: 0, latency: 0 });
    expect(frontier.at(-1).weights).toEqual({ quality: 0, cost: 1, latency: 0 });
  });

  it('counts the loss from another candidate where asked', async () => {
    const argv = ['--max-loss', '20', '--json', '--against'];
    const { against, guarantee } = JSON.parse((await tune(...argv, 'large')).said.out);
    expect(against).toBe('large');
    expect(guarantee).toMatchObject({ maxLoss: 0.2, by: 'learn-then-test' });
    // Whoever is cheap already leaves nothing to save.
    const { error } = JSON.parse((await tune(...argv, 'poet')).said.out);
    expect(error.message).toMatch(/always using poet .*The policy of the router stays as it is/s);
    expect((await tune('--max-loss', '20', '--against', 'nobody')).said.err).toMatch(
      /`--against` must name a candidate .* among large, poet, reckoner. Got "nobody"/,
    );
  });

  it('finds the best weights that keep to a mean cost', async () => {
    const { guarantee, worth } = JSON.parse((await tune('--mean-cost', '0.002', '--json')).said.out);
    expect(guarantee).toMatchObject({ maxCostUsd: 0.002, confidence: 0.9 });
    expect(worth.costUsd.estimate).toBeLessThan(0.0022);
    expect((await tune('--mean-cost', '0.0000001')).said.err).toMatch(/^Even the cheapest weights cost \$/);
  });

  it('says what is wrong', async () => {
    for (const flags of [
      ['--setting', 'lose-9'],
      ['--weights', 'speed=1'],
      ['--weights', 'quality=0'],
      ['--setting', 'best', '--max-loss', '2'],
      ['--max-loss', '2'],
      ['--setting', 'best', '--cascade'],
    ])
      expect((await set(router, ...flags)).code, flags.join(' ')).toBe(2);
    expect((await tune('--setting', 'best')).code).toBe(2);
    expect((await tune('--mean-cost', '1', '--candidates', 'poet,large')).code).toBe(2);
    const old = await tune('--max-cost', '0.002');
    expect(old.code).toBe(2);
    expect(old.said.err).toContain(
      'error: --max-cost is a limit of each request (pointsman route); for what they cost on average give --mean-cost 0.002\n',
    );
    expect((await set(router, '--help')).said.out).not.toContain('--max-cost');
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

  it('explains what route decides: the same weights and limits, each change once', async () => {
    for (const flags of [
      ['--weights', 'cheapest'],
      ['--weights', 'balanced', '--max-cost', '0.003'],
    ]) {
      const [routed, explained, told] = await Promise.all([
        run(['route', router, SUM, ...flags, '--json']),
        run(['explain', router, SUM, ...flags, '--json', '--quiet']),
        run(['explain', router, SUM, ...flags]),
      ]);
      const [one, other] = [routed, explained].map(({ said }) => JSON.parse(said.out));
      expect([other.candidate, other.margin, other.predictions]).toEqual([
        one.candidate,
        one.margin,
        one.predictions,
      ]);
      const changes = told.said.out.match(/\w+ would be first with [^.]*\d/g) ?? [];
      expect(changes.length).toBeGreaterThan(0);
      expect(new Set(changes).size).toBe(changes.length);
      expect(told.said.out).toMatch(/\nHow sure\n {2}its utility is \S+ above that of the next best/);
    }
    expect((await run(['explain', router, SUM, '--weights', 'best', '--policy', 'x.yaml'])).code).toBe(2);
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
