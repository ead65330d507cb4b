import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../../training/cli/main.ts';
import { useShortStatic } from '../../fixtures/short-static.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { type CapturedIo, capturedIo } from './captured-io.ts';
import { plantedRows, writeRows } from './planted-file.ts';

const SUM = 'What is 4711 + 42 when ships number 7 are counted twice?';

useShortStatic();
const { path } = temporaryFolder();
const models = path('models');
let router: string;
let trained: CapturedIo;

async function run(argv: readonly string[], input = ''): Promise<CapturedIo & { code: number }> {
  const io = capturedIo({ input });
  return { ...io, code: await main(argv, io) };
}

beforeAll(async () => {
  router = join(models, 'planted router');
  const file = await writeRows(path('traffic.jsonl'), plantedRows({ prompts: 200, seed: 1 }));
  const config = path('train.yaml');
  await writeFile(
    config,
    'resamples: 200\nfolds: 2\nheads: [linear]\nngrams: { dimensions: 8 }\ncandidates:\n  large: { contextWindowTokens: 128000 }\n  gone: {}\n',
  );
  trained = await run([
    ...['train', file, '--out', router, '--config', config, '--seed', '3'],
    ...['--work', path('work'), '--weights', 'balanced'],
  ]);
}, 120_000);

describe('pointsman train', () => {
  it('says where words of answers are to be kept that the traffic does not have', async () => {
    const argv = ['train', path('traffic.jsonl'), '--dry-run', '--out', path('none'), '--work', path('work')];
    expect((await run([...argv, '--answers', 'text'])).said.err).toMatch(
      /Note: The words of answers were to be kept,.*--map\s+answer=<column>/s,
    );
    expect((await run(argv)).said.err).not.toContain('words of answers');
  });

  it('says first whether the router is better than no router, and where the report is', async () => {
    const { out } = trained.said;
    expect(out.trim()).toMatch(/^(This router is|It is not clear)/);
    expect(out).toMatch(/^This router +\d+\.\d \(/m);
    expect(out).toMatch(/^Best single: \w+ /m);
    expect(out).toMatch(/^Quality against cost, on 40 test prompts, beside always using large \(/m);
    expect(out).toMatch(/^balanced \* +\d+\.\d +[+−]\d+\.\d \(.*\) +\$[\d.]+ +−?\$[\d.]+ \(.*\) +−?\d+ %$/m);
    expect(out).toMatch(
      /^At most 1, 2 and 5 points below always using large: each shown on 40 prompts of the calibrate$/m,
    );
    expect(out).toContain(`Set one: npx pointsman tune "${router}" --setting lose-2 --apply`);
    expect(out).toMatch(/^reckoner +\d+\.\d % +0\.\d{3}/m);
    const report = /^Report +(.*report\.html)$/m.exec(out)![1];
    expect(await readFile(report, 'utf8')).toContain('<!doctype html>');
  });

  it('keeps its lines within the terminal', () => {
    const long = trained.said.out.split('\n').filter((line) => line.length > 100 && !line.includes(models));
    expect(long).toEqual([]);
  });

  it('names what it does on standard error, a line a step, and warns of candidates that are not there', () => {
    const { err } = trained.said;
    for (const step of ['reading', 'splitting', 'embedding 200 prompts', 'fitting features', 'calibrating'])
      expect(err.split('\n')).toContain(step);
    expect(err).toContain('Note: The config names candidates that the traffic does not have: gone.');
  });

  it('puts the command line over the config', async () => {
    const { said } = await run(['inspect', router, '--json']);
    const { candidates, name, policy, provenance } = JSON.parse(said.out);
    expect(name).toBe('planted-router');
    expect(policy).toEqual({ kind: 'utility', weights: 'balanced' });
    expect(provenance.seed).toBe(3);
    expect(provenance.config.folds).toBe(2);
    expect(candidates[0]).toMatchObject({ name: 'large', contextWindowTokens: 128_000 });
  });

  it('reads and splits alone with --dry-run, and writes no router', async () => {
    const out = join(models, 'none');
    const argv = ['train', path('traffic.jsonl'), '--out', out, '--work', path('work')];
    const { code, said } = await run([...argv, '--dry-run', '--split-by', 'time', '--quiet']);
    expect(code).toBe(0);
    expect(said.out).toContain('120 prompts to fit, 40 to calibrate, 40 to test');
    expect(said.out).toMatch(/^poet +200 +0\.\d+/m);
    expect(said.err).toBe('');
    expect(await readdir(models)).toEqual(['planted router']);
    const json = await run([...argv, '--dry-run', '--json']);
    expect(JSON.parse(json.said.out)).toMatchObject({ prompts: { fit: 120, calibrate: 40, test: 40 } });
  });
});

describe('pointsman route', () => {
  it('shows the decision, what is expected of every candidate, and why', async () => {
    const { code, said } = await run(['route', router, SUM]);
    expect(code).toBe(0);
    expect(said.out).toMatch(/^reckoner, with a probability of 0\.\d\d of a good answer/);
    expect(said.out).toMatch(/^→ {2}reckoner +\d\.\d{3} +\d\.\d{3} +\$[\d.]+ +[\d,.]+ ms$/m);
    expect(said.out).toMatch(/decided in \d+\.\d ms from a cold start/);
  });

  it('gives the whole decision with --json, and takes a prompt from standard input', async () => {
    const { said } = await run(['route', router, '-', '--json'], SUM);
    const decision = JSON.parse(said.out);
    expect(decision.candidate).toBe('reckoner');
    expect(Object.keys(decision.probabilities).sort()).toEqual(['large', 'poet', 'reckoner']);
    expect(decision.predictions[0].expectedCostUsd).toBeGreaterThan(0);
  });

  it('reads messages and the bodies of chat requests', async () => {
    const messages = [{ role: 'user', content: [{ type: 'text', text: SUM }] }];
    const file = path('request.json');
    await writeFile(
      file,
      JSON.stringify({ model: 'auto', messages, tools: [], response_format: { type: 'text' } }),
    );
    for (const argv of [
      ['--messages', file],
      ['--messages', '-'],
    ]) {
      const { code, said } = await run(['route', router, ...argv, '--json'], JSON.stringify(messages));
      expect(code).toBe(0);
      expect(JSON.parse(said.out).candidate).toBe('reckoner');
    }
  });

  it.each([
    ['the Responses API', { input: [{ role: 'user', content: [{ type: 'input_text', text: SUM }] }] }],
    ['the Responses API, a text', { input: SUM }],
    ['Gemini', { contents: [{ role: 'user', parts: [{ text: SUM }] }] }],
    ['a prompt with tools', { text: SUM, tools: [] }],
  ])('reads the body of a request of %s', async (_, body) => {
    const { code, said } = await run(['route', router, '--messages', '-', '--json'], JSON.stringify(body));
    expect(code).toBe(0);
    expect(JSON.parse(said.out).candidate).toBe('reckoner');
  });

  it('takes the nearest to a limit that nobody meets, and with --strict-limits fails and names it', async () => {
    const argv = ['route', router, SUM, '--max-cost', '0.0000001'];
    const { said } = await run(argv);
    expect(said.out).toMatch(/No candidate met every limit, so maxCostUsd gave way/);
    for (const command of ['route', 'explain']) {
      const limit =
        command === 'route' ? ['--max-cost', '0.0000001'] : ['--signal', 'costBudgetUsd=0.0000001'];
      const strict = await run([command, router, SUM, ...limit, '--strict-limits']);
      expect(strict.code).toBe(1);
      expect(strict.said.err).toMatch(/^No candidate is left\..*The nearest is \w+, outside maxCostUsd/s);
    }
  });

  it('routes a file of requests: the line of a decision has the number of its request', async () => {
    const lines = [JSON.stringify({ text: SUM }), '', 'not json', JSON.stringify({ messages: [] })];
    const [batch, out] = [path('requests.jsonl'), path('decisions.jsonl')];
    await writeFile(batch, lines.join('\n'));
    const { code, said } = await run(['route', router, '--batch', batch, '--out', out]);
    expect([code, said.out]).toEqual([1, `${out}: 1 decisions, 2 requests could not be routed\n`]);
    const [first, second, third, fourth] = (await readFile(out, 'utf8')).split('\n');
    expect(JSON.parse(first).candidate).toBe('reckoner');
    expect(second).toBe('');
    expect(JSON.parse(third).error.message).toContain('line 3 of');
    expect(JSON.parse(fourth).error.code).toBe('INVALID_INPUT');

    const piped = await run(['route', router, '--batch', '-'], `${lines[0]}\n${lines[0]}`);
    expect(piped.code).toBe(0);
    expect(
      piped.said.out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).candidate),
    ).toEqual(['reckoner', 'reckoner']);
  });

  it.each([
    [['--batch', 'nowhere.jsonl'], 1, /nowhere\.jsonl cannot be read/],
    [['--batch', '-'], 1, /There is no request in standard input/],
    [['--batch', '-', '--messages', '-'], 2, /not both/],
    [[SUM, '--out', 'x'], 2, /--out goes with --batch/],
    [[SUM, '--policy', 'p.yaml', '--weights', 'best'], 2, /--policy or --weights/],
  ])('refuses %j', async (argv, exitCode, message) => {
    const { code, said } = await run(['route', router, ...argv]);
    expect(code).toBe(exitCode);
    expect(said.err).toMatch(message);
  });

  it('decides by the policy of a file', async () => {
    const policy = path('policy.yaml');
    await writeFile(policy, "kind: rules\nrules: [{ when: 'tokens < 100', then: poet }]\notherwise: large\n");
    const { said } = await run(['route', router, SUM, '--policy', policy]);
    expect(said.out).toMatch(/^poet/);
  });

  it('says how unlike the training prompts a request is', async () => {
    const noveltyOf = async (text: string) =>
      JSON.parse((await run(['route', router, text, '--json'])).said.out).novelty;
    expect(await noveltyOf(SUM)).toBeLessThan(await noveltyOf('私は明日、京都のお寺へ行きます。'));
    expect((await run(['route', router, SUM])).said.out).toMatch(/Novelty \d\.\d\d: (un)?like the prompts/);
  });

  it('keeps to limits, and says what they removed', async () => {
    const { said } = await run(['route', router, SUM, '--max-latency', '200', '--weights', 'best']);
    expect(said.out).toMatch(/^reckoner/);
    expect(said.out).toMatch(/× large: expected latency .* ms is over 200 ms/);
  });

  it.each([
    ['{"messages": 3}', '`messages` of standard input'],
    ['not json', 'standard input must be JSON'],
    ['[]', '`messages` of standard input'],
  ])('refuses %s instead of messages', async (input, message) => {
    const { code, said } = await run(['route', router, '--messages', '-'], input);
    expect(code).toBe(1);
    expect(said.err).toContain(message);
  });
});

describe('pointsman inspect', () => {
  it('shows the verdict, candidates, figures, heads and checked files', async () => {
    const { code, said } = await run(['inspect', router]);
    expect(code).toBe(0);
    expect(said.out).toMatch(/^router +planted-router-[0-9a-f]{12}$/m);
    expect(said.out).toMatch(/^routed quality +\d+\.\d points$/m);
    expect(said.out).toMatch(/^gain over best single +[+−]\d+\.\d+ points$/m);
    expect(said.out).toMatch(/^routed cost of 1,000 +\$\d/m);
    expect(said.out).toMatch(/^worst calibration error \(ECE\) +0\.\d+$/m);
    // The size that the training gave.
    const [, size] = / \(([\d.]+ MB)\)$/m.exec(trained.said.out)!;
    expect((await run(['versions', router])).said.out).toContain(size);
    expect(said.out).toMatch(/^weights\.bin +[\d.]+ kB +[0-9a-f]{16}$/m);
    expect(said.out).toMatch(/is better than no router|is not clear/);
    // The dial is that of the training.
    const [dial] = /^Quality against cost[\s\S]*?--apply\n/m.exec(trained.said.out)!;
    expect(said.out).toContain(dial);
  });

  it('prints the card as it is', async () => {
    const { said } = await run(['inspect', router, '--card']);
    expect(said.out).toMatch(/^# planted/);
  });

  it('names every report that was edited, and the router routes all the same', async () => {
    const [version] = (await readdir(router)).filter((name) => name.startsWith('v-'));
    const card = join(router, version, 'CARD.md');
    const report = join(router, version, 'report.html');
    const [before, whole] = await Promise.all([readFile(card, 'utf8'), readFile(report)]);
    await writeFile(card, before.replace('router', 'rooter'));
    await rm(report);
    const { code, said } = await run(['inspect', router]);
    const routed = await run(['route', router, 'What is 17 * 23?', '--json']);
    await Promise.all([writeFile(card, before), writeFile(report, whole)]);
    expect(code).toBe(1);
    expect(said.err).toMatch(/^CARD\.md was edited or damaged/);
    expect(said.err).toMatch(/report\.html of the artifact cannot be read.*The router itself is as it was/s);
    expect(said.out).toBe('');
    expect(routed.code).toBe(0);
  });
});

describe('pointsman evaluate', () => {
  it('measures the router on other traffic, beside the baselines that need no training prompts', async () => {
    const rows = plantedRows({ prompts: 150, seed: 2 }).map((row) =>
      row.candidate === 'poet' ? { ...row, candidate: 'new-model' } : row,
    );
    const file = await writeRows(path('other.jsonl'), rows);
    const report = path('reports/other.html');
    const argv = ['evaluate', router, file, '--work', path('work'), '--report', report];
    const { code, said } = await run(argv);
    expect(said.err).toBe(
      'reading\nrouting\nNote: 1 of 150 prompts was left out: the router was calibrated on it or on a near-duplicate of it.\n',
    );
    expect(code).toBe(0);
    expect(said.out).toMatch(/^Best single: (large|reckoner) /m);
    expect(said.out).not.toMatch(/new-model|Best per task|Nearest/);
    expect(await readFile(report, 'utf8')).toContain('planted-router on other traffic');
    const json = await run([...argv, '--json', '--quiet', '--weights', 'cheapest']);
    expect(JSON.parse(json.said.out)).toMatchObject({
      policy: 'utility:cheapest',
      coverage: { notCompared: ['poet'] },
    });
  });

  it('reads traffic from standard input, measures a policy of a file, and takes one of weights and policy', async () => {
    const file = await writeRows(path('later.jsonl'), plantedRows({ prompts: 60, seed: 9 }));
    const policy = path('always-large.yaml');
    await writeFile(policy, "kind: rules\nrules: [{ when: 'tokens < 0', then: poet }]\notherwise: large\n");
    const argv = ['evaluate', router, '-', '--policy', policy, '--json', '--quiet', '--work', path('work')];
    const { code, said } = await run(argv, await readFile(file, 'utf8'));
    expect(code, said.out).toBe(0);
    const { strategies, candidates } = JSON.parse(said.out);
    expect(strategies[0].name).toBe('This router');
    expect(JSON.stringify(candidates ?? strategies)).toContain('large');
    expect((await run(['evaluate', router, '-'], '')).said.err).toContain('Standard input is empty');
    expect((await run([...argv, '--weights', 'best'])).code).toBe(2);
  });

  it('measures every setting of the dial as the training found it, and says so', async () => {
    const file = await writeRows(path('dialled.jsonl'), plantedRows({ prompts: 60, seed: 10 }));
    const argv = ['evaluate', router, file, '--quiet', '--work', path('work')];
    const versions = await readdir(router);
    const version = versions.find((name) => name.startsWith('v-'))!;
    const { dial: trainedDial } = JSON.parse(await readFile(join(router, version, 'metrics.json'), 'utf8'));
    const { dial } = JSON.parse((await run([...argv, '--json'])).said.out);
    const weightsOf = ({ settings }: typeof dial) =>
      settings.map(({ id, weights }: { id: string; weights: unknown }) => [id, weights]);
    expect(weightsOf(dial)).toEqual(weightsOf(trainedDial));
    expect(weightsOf(dial)).toContainEqual(['lose-2', expect.objectContaining({ quality: 1 })]);
    for (const { guarantee, id, worth } of dial.settings)
      expect([id, guarantee, worth?.quality.rows]).toEqual([id, null, dial.rows]);
    expect((await run(argv)).said.out.replaceAll(/\s+/g, ' ')).toContain(
      'The weights that keep to a loss are those that the training found; here they are measured, and nothing more is shown of them.',
    );
  });

  it('leaves out what the router was trained on, and says how much that was', async () => {
    const { said } = await run(['evaluate', router, path('traffic.jsonl'), '--work', path('work')]);
    expect(said.err).toContain(
      'Note: 160 of 200 prompts were left out: the router was fitted or calibrated on',
    );
    expect(said.out).toContain('on 40 test prompts');
  });

  it('refuses traffic of other candidates', async () => {
    const rows = plantedRows({ prompts: 5, seed: 2 }).map((row) => ({
      ...row,
      candidate: `my-${row.candidate}`,
    }));
    const file = await writeRows(path('stranger.jsonl'), rows);
    const { code, said } = await run(['evaluate', router, file, '--work', path('work'), '-q']);
    expect(code).toBe(1);
    expect(said.err).toMatch(/at least two of the router's candidates: large, poet, reckoner/);
  });
});
