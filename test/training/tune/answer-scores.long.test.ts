import { mkdir, writeFile } from 'node:fs/promises';
import type { PolicySpec } from 'pointsman';
import { createAnswerScorer, execute } from 'pointsman/execution';
import type { EarlierAnswer } from 'pointsman/internal';
import { loadRouter, readArtifactFolder } from 'pointsman/node';
import { beforeAll, describe, expect, test } from 'vitest';
import { shortEmbedder } from '../../../data/month/short-embedder.ts';
import { main } from '../../../training/cli/main.ts';
import { parseRetrainConfig } from '../../../training/retrain/config.ts';
import { retrain } from '../../../training/retrain/retrain.ts';
import { readsWords, scoreAnswers } from '../../../training/tune/answer-scores.ts';
import { cascadePaths } from '../../../training/tune/settings.ts';
import { nameThresholds, predictSuccess } from '../../../training/tune/tune-policy.ts';
import { answeredTraffic } from '../../fixtures/answered-traffic.ts';
import { keptAnswers } from '../../fixtures/kept-answers.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { capturedIo } from '../cli/captured-io.ts';
import { type PlantedRow, writeRows } from '../cli/planted-file.ts';

const { path } = temporaryFolder();
const router = path('models/answered');
const CHAIN = ['clerk', 'student', 'master'];
const TUNED = {
  kind: 'cascade',
  steps: [
    { use: 'clerk', accept: { kind: 'answer', threshold: 'tuned' } },
    { use: 'student', accept: { kind: 'answer', threshold: 'tuned' } },
    { use: 'master' },
  ],
} satisfies PolicySpec;

async function run(...argv: string[]) {
  const io = capturedIo({ input: '' });
  const code = await main([...argv, '--work', path('work'), '--quiet'], io);
  return { code, ...io.said };
}

type Answered = ReturnType<typeof answeredTraffic>;

function rowsOf({ candidates, costUsd, given, latencyMs, prompts, quality }: Answered): PlantedRow[] {
  return prompts.flatMap(({ request, requestId, timestampMs }, p) =>
    candidates.map((candidate, c) => {
      const at = p * candidates.length + c;
      return {
        ...{ requestId, text: request.text, candidate, quality: quality[at] },
        ...{
          costUsd: costUsd[at],
          latencyMs: latencyMs[at],
          timestamp: new Date(timestampMs ?? 0).toISOString(),
        },
        ...(given[at] === null ? {} : { answer: given[at] }),
      };
    }),
  );
}

/** Other rooms than those of the training, so that nothing has been seen. */
function furtherTraffic(
  prompts: number,
  seed: number,
  { silent = [], words = true }: { silent?: readonly string[]; words?: boolean } = {},
): Answered {
  const traffic = answeredTraffic({ prompts, seed, silent });
  const named = traffic.prompts.map((prompt, i) => ({
    ...prompt,
    requestId: `s${seed}-${i}`,
    request: { text: textOf(prompt.request).replace('Room', `Hall ${seed}`) },
  }));
  const further = { ...traffic, prompts: named };
  return { ...further, answers: keptAnswers(further, traffic.given, words) };
}

const textOf = (request: unknown) => (request as { text: string }).text;
const CONFIG = 'resamples: 100\nfolds: 3\nheads: [linear]\nngrams: { dimensions: 8 }\n';
const tuneArgv = (file: string) => [
  'tune',
  router,
  file,
  '--accept',
  'answer',
  '--candidates',
  CHAIN.join(','),
];
const further = furtherTraffic(500, 2);
let fresh: string;
let tuned: { policy: PolicySpec; tuned: { loss: number; costSaved: number; rows: number }; version: string };

beforeAll(async () => {
  const traffic = await writeRows(path('traffic.jsonl'), rowsOf(answeredTraffic({ prompts: 300, seed: 1 })));
  fresh = await writeRows(path('fresh.jsonl'), rowsOf(further));
  await writeFile(path('train.yaml'), CONFIG);
  const trained = await run('train', traffic, '--out', router, '--config', path('train.yaml'));
  expect(trained.err).toBe('');
  expect((await readArtifactFolder(router)).manifest.answer).toBeDefined();
  const said = await run(...tuneArgv(fresh), '--max-loss', '5', '--apply', '--json');
  expect(said.err).toBe('');
  tuned = JSON.parse(said.out);
});

describe('a cascade tuned on its answer head', () => {
  test('is in use as a new version that says `tuned`, and keeps to the loss on traffic that nobody has seen', async () => {
    expect(tuned.policy).toMatchObject({ kind: 'cascade', steps: CHAIN.map((use) => ({ use })) });
    const { manifest } = await readArtifactFolder(router);
    expect(manifest.policy).toEqual(TUNED);
    expect(nameThresholds(tuned.policy)).toEqual({ policy: TUNED, thresholds: manifest.answer?.thresholds });
    expect(manifest.id.endsWith(tuned.version.slice(2))).toBe(true);
    expect(tuned.tuned.rows).toBe(500);

    const loaded = await loadRouter(router);
    const other = furtherTraffic(400, 3);
    const rows = new Map(other.prompts.map(({ request }, p) => [textOf(request), p]));
    const cell = (request: unknown, candidate: string) =>
      3 * (rows.get(textOf(request)) ?? Number.NaN) + other.candidates.indexOf(candidate);
    const client = (candidate: string) => async (request: unknown) => ({
      text: other.given[cell(request, candidate)] ?? '',
    });
    const clients = Object.fromEntries(CHAIN.map((name) => [name, client(name)]));
    const sums = { loss: 0, cost: 0, masterCost: 0 };
    for (const { request } of other.prompts) {
      const { candidate, trace } = await execute(loaded, request, clients);
      const master = cell(request, 'master');
      sums.loss += other.quality[master] - other.quality[cell(request, candidate)];
      sums.masterCost += other.costUsd[master];
      for (const attempt of trace.attempts) sums.cost += other.costUsd[cell(request, attempt.candidate)];
    }
    expect(sums.loss / 400).toBeLessThanOrEqual(0.05);
    expect(1 - sums.cost / sums.masterCost).toBeGreaterThan(0.3);
    expect(Math.abs(1 - sums.cost / sums.masterCost - tuned.tuned.costSaved)).toBeLessThan(0.1);
  });

  test('is asked by a hedge of your own too', async () => {
    const { manifest } = await readArtifactFolder(router);
    const { thresholds } = manifest.answer!;
    const first = 'shared' in thresholds! ? thresholds.shared : thresholds!.steps[0];
    const accept = { kind: 'answer', threshold: 'tuned' } as const;
    const hedge = await loadRouter(router, {
      policy: { kind: 'speculative', fast: 'clerk', slow: 'master', accept },
    });
    expect((await hedge.route({ text: 'What is 2 + 3?' })).plan).toMatchObject({
      kind: 'hedge',
      accept: { kind: 'answer', threshold: first },
    });
  });

  test('is scored as it is served: each answer after those before it', async () => {
    const artifact = await readArtifactFolder(router);
    expect(artifact.manifest.answer?.earlier).toBeDefined();
    for (const words of [true, false]) {
      const matrix = furtherTraffic(40, 4, { words });
      const loaded = await loadRouter(router);
      const predicted = await predictSuccess(loaded, matrix, Int32Array.from(matrix.prompts.keys()));
      const { rows, success } = await scoreAnswers(artifact, matrix, predicted, CHAIN);
      expect(rows).toHaveLength(40);
      const scorer = await createAnswerScorer(artifact);
      for (const [i, { request }] of matrix.prompts.entries()) {
        const question = scorer.readQuestion(request);
        const earlier: EarlierAnswer[] = [];
        for (const candidate of CHAIN.slice(0, 2)) {
          const at = 3 * i + matrix.candidates.indexOf(candidate);
          const given = {
            question,
            candidate,
            success: predicted.success[at],
            answer: { text: matrix.given[at]! },
          };
          expect(success[at]).toBeCloseTo(scorer.score({ ...given, earlier }).probability, 5);
          earlier.push(scorer.score(given));
        }
        expect(success[3 * i + matrix.candidates.indexOf('master')]).toBeNaN();
      }
    }
  });

  test('is not tuned on what its head learned from, and says what it was tuned on', async () => {
    const { code, err, out } = await run(
      ...['tune', router, path('traffic.jsonl'), '--accept', 'answer', '--candidates', 'clerk,master'],
      ...['--max-loss', '20', '--json'],
    );
    expect([code, err]).toEqual([0, '']);
    const said = JSON.parse(out);
    expect(said).toMatchObject({
      tunedOn: 'own',
      withoutAnswers: 0,
      tuned: { rows: 60 },
      test: { rows: 60 },
    });
  });

  test('one threshold a step leaves out paths whose scores would need answers that are not asked', () => {
    const lengths = (seesEarlier: boolean) =>
      cascadePaths([0, 1, 2], 1, { seesEarlier }).map(({ candidates }) => candidates.join());
    expect(lengths(false)).toEqual(['0,1,2', '0,2', '0,1,2', '1,2', '0,1,2']);
    expect(lengths(true)).toEqual(['0,1,2', '0,2', '0,1,2', '0,1,2']);
  });
});

test('cascade routing is tuned from the command line, and is what evaluate measures beside other ways to ask', async () => {
  const policy = path('routing.yaml');
  const tuning = await run(
    ...['tune', router, fresh, '--routing', '--candidates', CHAIN.join(',')],
    ...['--max-loss', '5', '--out', policy, '--json'],
  );
  expect([tuning.code, tuning.err]).toEqual([0, '']);
  const found = JSON.parse(tuning.out);
  expect(found.policy).toMatchObject({ kind: 'cascade', weights: { quality: 1, latency: 0 } });
  const other = await writeRows(path('later.jsonl'), rowsOf(furtherTraffic(400, 6)));
  const { code, out } = await run('evaluate', router, other, '--policy', policy, '--json');
  expect(code).toBe(0);
  const { dial, strategies } = JSON.parse(out);
  expect(strategies[0].quality.estimate).toBeGreaterThan(found.tuned.quality - 0.05);
  expect(dial.ways).toMatchObject({ chain: CHAIN, rows: 400, chosenOn: null, missing: null });
  for (const { curve, missing } of dial.ways.ways) expect([missing, curve.length > 0]).toEqual([null, true]);
});

describe('what a log cannot say', () => {
  const refuse = async (traffic: Answered) => {
    const file = await writeRows(path('other.jsonl'), rowsOf(traffic));
    const { code, err } = await run(...tuneArgv(file), '--max-loss', '5');
    expect(code).not.toBe(0);
    return err.replace(/\s+/g, ' ');
  };

  test('is named: no answers, none of a candidate, too few of them', async () => {
    expect(await refuse(furtherTraffic(120, 5, { silent: CHAIN }))).toMatch(
      /Tuning on answers needs those of clerk and student to the same prompts. The traffic has none that can be read/,
    );
    expect(await refuse(furtherTraffic(120, 5, { silent: ['student'] }))).toMatch(
      /Of 120 prompts none has an answer of student/,
    );
    const few = furtherTraffic(120, 6);
    const given = few.given.map((text, cell) => (cell % 3 === 0 && cell > 90 ? null : text));
    expect(await refuse({ ...few, given })).toMatch(
      /needs 50 prompts with the answers of clerk and student. Got 31, and 89 without/,
    );
  });

  test('of some prompts is left out, and counted', async () => {
    const given = further.given.map((text, cell) => (cell % 3 === 0 && cell < 90 ? null : text));
    const file = await writeRows(path('some.jsonl'), rowsOf({ ...further, given }));
    const { err, out } = await run(...tuneArgv(file), '--max-loss', '5');
    expect(err).toBe('');
    expect(out.replace(/\s+/g, ' ')).toContain(
      '30 prompts more were left out: answers that are judged are not there.',
    );
  });

  test('are words that the head reads: of logs they are taken, and of a table that has none they are missed', async () => {
    const wordy = path('models/wordy');
    const traffic = path('traffic.jsonl');
    await run('train', traffic, '--out', wordy, '--config', path('train.yaml'), '--answers', 'text');
    expect(readsWords((await readArtifactFolder(wordy)).manifest)).toBe(true);
    const argv = [
      'tune',
      wordy,
      fresh,
      '--accept',
      'answer',
      '--candidates',
      'clerk,master',
      '--max-loss',
      '8',
    ];
    const { err, out } = await run(...argv, '--json');
    expect(err).toBe('');
    expect(JSON.parse(out).tuned).toMatchObject({ rows: 500 });
    const io = capturedIo({ input: '' });
    expect(await main(['ingest', fresh, '--out', path('wordless.parquet')], io)).toBe(0);
    argv[2] = path('wordless.parquet');
    expect((await run(...argv)).err.replace(/\s+/g, ' ')).toMatch(
      /reads the words of answers, and those of 1,500 answers were not kept/,
    );
  });

  test('is refused where the router has no head, and where a score column is named', async () => {
    const bare = path('models/bare');
    const traffic = answeredTraffic({ prompts: 200, seed: 1, silent: CHAIN });
    const file = await writeRows(path('bare.jsonl'), rowsOf(traffic));
    await run('train', file, '--out', bare, '--config', path('train.yaml'));
    const { err } = await run('tune', bare, fresh, '--accept', 'answer', '--max-loss', '5');
    expect(err).toMatch(/has no answer head/);
    expect((await run(...tuneArgv(fresh), '--max-loss', '5', '--accept-score', 'metadata.x')).code).toBe(2);
  });
});

describe('a training after it', () => {
  test('with `tuned` for the same candidates has the thresholds there were, and says that they were not found for it', async () => {
    const { thresholds } = (await readArtifactFolder(router)).manifest.answer!;
    await writeFile(
      path('tuned.json'),
      JSON.stringify({ resamples: 100, folds: 3, heads: ['linear'], policy: TUNED }),
    );
    const argv = ['train', fresh, '--out', router, '--config', path('tuned.json')];
    const { code, err, out } = await run(...argv);
    expect([code, err]).toEqual([0, '']);
    expect(out.replace(/\s+/g, ' ')).toMatch(
      /`tuned` of the new version's policy stands for [\d., ]+, as in the version before/,
    );
    const { manifest } = await readArtifactFolder(router);
    expect(manifest.answer?.thresholds).toEqual(thresholds);
    expect((await (await loadRouter(router)).route({ text: 'What is 2 + 3?' })).plan.kind).toBe('sequence');
  });

  test('with `tuned` for others is refused by name', async () => {
    const policy = { ...TUNED, steps: [TUNED.steps[1], { use: 'master' }] };
    await writeFile(path('other.json'), JSON.stringify({ resamples: 100, policy }));
    const { code, err } = await run('train', fresh, '--out', router, '--config', path('other.json'));
    expect(code).not.toBe(0);
    expect(err.replace(/\s+/g, ' ')).toContain(
      'tuned where it says so. Train on logs with answers, or run pointsman tune',
    );
  });

  test('on schedule has them too, and the record of the night says so', async () => {
    const nightly = path('nightly');
    const days = rowsOf(answeredTraffic({ prompts: 600, seed: 7 })).map((row, i) => ({
      ...row,
      timestamp: new Date(Date.UTC(2026, 0, 1 + Math.floor(i / 180), 1)).toISOString(),
    }));
    await mkdir(path('logs'));
    await writeRows(path('logs/first.jsonl'), days.slice(0, 8 * 180));
    const configOf = (policy?: PolicySpec) =>
      parseRetrainConfig({
        ...{ router: nightly, logs: { files: [path('logs/*.jsonl')] }, work: path('work') },
        train: {
          ...{ seed: 1, heads: ['linear'], folds: 2, resamples: 100, ngrams: { dimensions: 8 } },
          ...(policy === undefined ? {} : { policy }),
        },
        traffic: { learnDays: 30, holdoutDays: 2, holdoutPrompts: 100 },
      });
    const embedder = await shortEmbedder(16);
    const now = (day: number) => () => new Date(Date.UTC(2026, 0, day));
    expect((await retrain({ config: configOf(), embedder, now: now(10) })).champion).toBeNull();
    const untuned = await retrain({ config: configOf(TUNED), embedder, now: now(11) });
    expect([untuned.outcome, untuned.sentence]).toEqual([
      'kept',
      expect.stringContaining('tuned where it says so'),
    ]);
    const argv = ['tune', nightly, fresh, '--accept', 'answer', '--candidates', CHAIN.join(',')];
    expect((await run(...argv, '--max-loss', '8', '--apply')).err).toBe('');
    const { thresholds } = (await readArtifactFolder(nightly)).manifest.answer!;
    await writeRows(path('logs/second.jsonl'), days.slice(8 * 180));
    const night = await retrain({ config: configOf(TUNED), embedder, now: now(12) });
    const challenger = await readArtifactFolder(path(`nightly/${night.challenger}`));
    expect(challenger.manifest.policy).toEqual(TUNED);
    expect(challenger.manifest.answer?.thresholds).toEqual(thresholds);
    // The cascade is cheaper and a few points worse than the best single candidate, which may pass or not; the note is there whatever it says.
    expect(night.gate?.tests.find(({ kind }) => kind === 'plans')).toMatchObject({ passed: true });
    expect(night.sentence).toMatch(
      /^(Refused|Promoted): .* `tuned` of the new version's policy stands for [\d., ]+, as in the version before: /,
    );
  });
});
