import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseTrainConfig } from '../../../training/config.ts';
import { readOutcomeMatrix } from '../../../training/ingest/outcome-store.ts';
import { parseRetrainConfig } from '../../../training/retrain/config.ts';
import { prepareTraffic } from '../../../training/train/prepare-traffic.ts';
import { ingestFixture, lines } from './ingest-fixture.ts';

const { ingest, out, path, write } = ingestFixture();

/** Two candidates on as many prompts as there are pairs of scores; a good answer of `large` is a bad one of `small`. */
const table = (scores: readonly unknown[], more: object = {}) =>
  scores.flatMap((quality, i) =>
    ['small', 'large'].map((candidate, c) => ({
      requestId: `q${String(i).padStart(3, '0')}`,
      text: `How many of ${i} are ${(i * 7919) % 1000}?`,
      candidate,
      quality: c === 0 ? quality : scores[scores.length - 1 - i],
      ...more,
    })),
  );
const cycle = (values: readonly unknown[], count: number) =>
  Array.from({ length: count }, (_, i) => values[i % values.length]);
const qualities = async () => [...(await readOutcomeMatrix(out)).quality].map((x) => Number(x.toFixed(4)));

describe('scores that are plainly on another scale than 0 to 1 stop an ingest, with the option that reads them', () => {
  test.each<[string, unknown[], string, Record<string, number>]>([
    ['stars of 1 to 5', [1, 2, 3, 4, 5], '--score-range 1..5', { 1: 0, 3: 0.5, 5: 1 }],
    ['stars as texts of digits', ['1', '2', ' 5 ', '4'], '--score-range 1..5', { 1: 0, ' 5 ': 1 }],
    ['halves of stars', [1.5, 2, 4.5, 5], '--score-range 1..5', { 5: 1, 1.5: 0.125 }],
    ['1 to 10', [1, 4, 7, 10], '--score-range 1..10', { 1: 0, 10: 1 }],
    ['0 to 10', [0, 4, 7, 10], '--score-range 0..10', { 0: 0, 7: 0.7 }],
    ['0 to 100', [12, 55, 80, 97.5], '--score-range 0..100', { 55: 0.55, 97.5: 0.975 }],
    ['-1 and 1', [-1, 1, 1], '--score-range -1..1', { '-1': 0, 1: 1 }],
    ['-1 to 1', [-0.5, 0.25, 1, -0.1], '--score-range -1..1', { '-0.5': 0.25, 1: 1 }],
    ['percentages', ['85%', '20 %', '99.5%'], '--score-range auto', { '85%': 0.85, '99.5%': 0.995 }],
    ['parts', ['4/5', '2/5', '5/5'], '--score-range auto', { '4/5': 0.8, '5/5': 1 }],
    ['words', ['up', 'down', 'up'], '--score-range auto', { up: 1, down: 0 }],
    ['thumbs', ['👍', '👎', '👍🏽'], '--score-range auto', { '👍': 1, '👎': 0, '👍🏽': 1 }],
    ['drawn stars', ['★★★★★', '★☆☆☆☆', '★★★☆☆'], '--score-range auto', { '★★★★★': 1, '★☆☆☆☆': 0 }],
    ['decimal commas', ['0,85', '0,2', '1,0'], '--score-range auto', { '0,85': 0.85, '0,2': 0.2 }],
  ])('%s', async (_, values, flag, expected) => {
    const scores = cycle(values, 24);
    const file = write('scale.jsonl', lines(table(scores)));
    const untouched = path('untouched.parquet');
    await expect(ingest(file, { out: untouched })).rejects.toThrow(flag);
    expect(existsSync(untouched)).toBe(false);
    const report = await ingest(file, { scoreRange: 'auto' });
    expect(report).toMatchObject({ rowsAccepted: 48, rejected: [], scoreScale: { by: 'found' } });
    const read = await qualities();
    // Candidates stand by name: `small` is the second.
    for (const [score, quality] of Object.entries(expected))
      expect([score, read[2 * scores.map(String).indexOf(score) + 1]]).toEqual([score, quality]);
  });

  test('in every form and format of a table', async () => {
    const stars = cycle([1, 2, 3, 4, 5], 20);
    const csv = [
      'requestId,text,candidate,quality',
      ...stars.map((q, i) => `r${i},"words, ${i}",m,${q}`),
    ].join('\n');
    const wide = stars.map((q, i) => ({
      requestId: `r${i}`,
      text: `words ${i}`,
      outcomes: { m: { quality: q }, n: q },
    }));
    const paired = stars.map((q, i) => ({ requestId: `r${i}`, text: `words ${i}`, m: q, 'm|total_cost': 1 }));
    for (const [name, content] of [
      ['stars.csv', csv],
      ['wide.jsonl', lines(wide)],
      ['paired.jsonl', lines(paired)],
    ]) {
      const file = write(name, content);
      await expect(ingest(file)).rejects.toThrow(/on a scale of 1 to 5, .*1 × \d+.*--score-range 1\.\.5/);
      await ingest(file, { scoreRange: [1, 5] });
      expect([...new Set(await qualities())].sort()).toEqual([0, 0.25, 0.5, 0.75, 1]);
    }
  });

  test('in a log, whether its calls or its scores say them', async () => {
    const call = (i: number, more: object = {}) => ({
      id: `c${i}`,
      request: { model: 'mini', messages: [{ role: 'user', content: `Words ${i}` }] },
      response: { choices: [{ message: { content: 'Yes' } }] },
      ...more,
    });
    const rated = cycle([1, 5, 4], 12).map((rating, i) => call(i, { rating }));
    await expect(ingest(write('rated.jsonl', lines(rated)), { format: 'openai' })).rejects.toThrow(
      /--score-range 1\.\.5/,
    );
    const feedback = cycle([1, 5, 4], 12).map((quality, i) => ({
      schemaVersion: 1,
      kind: 'feedback',
      id: `c${i}`,
      quality,
    }));
    const later = write('later.jsonl', lines([...feedback.map((_, i) => call(i)), ...feedback]));
    await expect(ingest(later, { format: 'openai' })).rejects.toThrow(/--score-range 1\.\.5/);
    await ingest(later, { format: 'openai', scoreRange: 'auto' });
    expect([...new Set(await qualities())].sort()).toEqual([0, 0.75, 1]);
  });

  test('and the error says what was seen, and that nothing was written', async () => {
    const file = write('seen.jsonl', lines(table(cycle([1, 5, 5], 30))));
    await expect(ingest(file)).rejects.toThrow(
      'The scores are on a scale of 1 to 5, and qualities are 0 to 1: 1 × 20, 5 × 40. Read as they are, the worst answers would count as perfect. ' +
        'Nothing was read. If 1 is the worst and 5 the best, say so: --score-range 1..5 (or `auto`; `scoreRange` in code, and under `logs` in a config).',
    );
  });
});

describe('a scale that is not plain is asked for, also with auto', () => {
  test.each<[string, unknown[], RegExp]>([
    ['1 to 3', [1, 2, 3], /which one cannot be told: .*--score-range 1\.\.3 or --score-range 1\.\.5/],
    ['0 to 2', [0, 1, 2], /--score-range 0\.\.2 or --score-range 0\.\.5/],
    ['marks of 1 to 6', [1, 2, 3, 6], /--score-range 1\.\.6 or --score-range 6\.\.1/],
    [
      'percentages among numbers',
      ['85%', 0.3, 1, '20%'],
      /on several scales: .* are plain numbers, others texts such as "20%"/,
    ],
  ])('%s', async (_, values, message) => {
    const file = write('unclear.jsonl', lines(table(cycle(values, 24))));
    await expect(ingest(file, { scoreRange: 'auto' })).rejects.toThrow(message);
  });

  test('files and candidates that were rated on different scales are not thrown together', async () => {
    const unit = write('unit.jsonl', lines(table(cycle([0.2, 0.9, 0.5, 1], 40))));
    const stars = write(
      'stars.jsonl',
      lines(table(cycle([1, 3, 5], 20)).map((row) => ({ ...row, requestId: `s${row.requestId}` }))),
    );
    for (const scoreRange of [undefined, 'auto'] as const) {
      await expect(ingest([unit, stars], { scoreRange })).rejects.toThrow(
        /on several scales: the files differ: .*unit\.jsonl \(0 to 1\), .*stars\.jsonl \(1 to 5\)/,
      );
    }
    const rows = [
      ...table(cycle([0, 1], 60)),
      ...table(cycle([1, 4, 5], 30), { candidate: 'third' }).filter((_, i) => i % 2 === 0),
    ];
    await expect(ingest(write('mixed.jsonl', lines(rows)))).rejects.toThrow(
      /the candidates differ: .*small \(0 to 1\), third \(1 to 5\)/,
    );
  });

  test('a best score below the worst turns the scale round', async () => {
    await ingest(write('marks.jsonl', lines(table([1, 6, 2, 3]))), { scoreRange: [6, 1] });
    expect(await qualities()).toEqual([0.6, 1, 0.8, 0, 0, 0.8, 1, 0.6]);
  });

  test('what is on 0 to 1 already is not brought there again', async () => {
    const file = write('twice.jsonl', lines(table(cycle([0, 0.25, 0.75, 1], 24))));
    await expect(ingest(file, { scoreRange: [0, 100] })).rejects.toThrow(
      /all 48 of them lie between 0 and 1.*Leave out --score-range/,
    );
  });
});

describe('words of which it is not known how good they are', () => {
  const FIVE = ['terrible', 'poor', 'okay', 'good', 'excellent'];
  /** Every way to say the scale. */
  const OPTIONS = [
    { maxRejected: 0.05 },
    { scoreRange: 'auto', maxRejected: 1 },
    { scoreRange: [0, 1] },
  ] as const;

  test.each<[string, unknown[], RegExp]>([
    [
      'five grades, one of them known',
      FIVE,
      /"excellent" × 40, "okay" × 40, "poor" × 40.*beside "good" × 40, and with words between the ends "good" need not be an end/,
    ],
    [
      'five grades, none of them known',
      FIVE.filter((word) => word !== 'good'),
      /"excellent" × .*, "terrible" × \d+\. What they are worth is for you to say/,
    ],
    ['letters', ['A', 'B', 'C', 'F'], /"A" × 50, "B" × 50, "C" × 50, "F" × 50\. What they are worth/],
    [
      'one rare grade beside good and bad',
      [...cycle(['good', 'bad'], 97), 'excellent', 'excellent', 'excellent'],
      /"excellent" × 6/,
    ],
    ['true and false beside a word', ['true', 'false', 'unsure'], /"unsure" × .*beside "true" × /],
    ['words of another language', ['good', 'bad', 'mittel'], /"mittel" × .*beside "good" × /],
  ])(
    'are named at once, whatever was said of the scale, and never left out: %s',
    async (_, values, message) => {
      const file = write('words.jsonl', lines(table(cycle(values, 100))));
      for (const options of OPTIONS) {
        const error = await ingest(file, options).catch((thrown: Error) => thrown);
        expect(error).toBeInstanceOf(Error);
        const said = (error as Error).message;
        expect(said).toMatch(message);
        expect(said).toMatch(/Put a number of 0 \(worst\) to 1 \(best\)/);
        expect(said).not.toMatch(/--score-range|--max-rejected/);
      }
    },
  );

  test('are no reason to leave rows out where they stand beside numbers, either', async () => {
    const file = write('remarks.jsonl', lines(table(cycle(['so-so', 0.5, 1, 0.25], 40))));
    const said = String(await ingest(file, { maxRejected: 0.05 }).catch((error) => error.message));
    expect(said).toMatch(/"so-so" × 20.*leave empty what is no score/s);
    expect(said).not.toContain('--max-rejected');
  });

  test('are no words where nobody rated: those rows are rejected as before', async () => {
    const file = write('na.jsonl', lines(table(cycle(['good', 'bad', 'N/A'], 90))));
    await expect(ingest(file)).rejects.toThrow(
      /--score-range auto.*Rejected would be what it cannot read: "N\/A" × 60/s,
    );
    expect(await ingest(file, { scoreRange: 'auto' })).toMatchObject({ rowsAccepted: 120 });
  });

  test('are found among the labels of a log, and a score of another name is not asked for its label', async () => {
    const prompt = (i: number) => ({
      id: `o${i}`,
      type: 'GENERATION',
      trace_id: `t${i}`,
      start_time: '2026-01-01T00:00:00Z',
      provided_model_name: 'mini',
      input: `How many of ${i}?`,
      output: 'One',
    });
    const label = (i: number, name: string, value: string) => ({
      id: `s${i}${name}`,
      name,
      trace_id: `t${i}`,
      observation_id: `o${i}`,
      data_type: 'CATEGORICAL',
      string_value: value,
      value: 0,
    });
    const calls = FIVE.flatMap((_, f) => Array.from({ length: 20 }, (__, i) => prompt(20 * f + i)));
    const grades = calls.map((_, i) => label(i, 'grade', FIVE[i % 5]));
    const file = write('labels.jsonl', lines([...calls, ...grades]));
    await expect(ingest(file, { format: 'langfuse', scoreRange: 'auto', maxRejected: 1 })).rejects.toThrow(
      /"excellent" × 20, "okay" × 20.*beside "true" × 20/,
    );
    const tones = calls.map((_, i) => label(i, 'tone', ['formal', 'casual'][i % 2]));
    const both = calls.map((_, i) => label(i, 'helpful', ['good', 'bad'][i % 2]));
    const named = write('named.jsonl', lines([...calls, ...both, ...tones]));
    expect(await ingest(named, { format: 'langfuse', score: 'helpful', maxRejected: 0 })).toMatchObject({
      rowsAccepted: 100,
      rejected: [],
    });
  });

  test.each<[string, unknown[], RegExp]>([
    [
      'stars',
      [1, 2, 5, 'good'],
      /some are numbers \(1 × \d+, 2 × \d+, 5 × \d+\), others words such as "good" × \d+/,
    ],
    ['drawn stars', ['★★★★☆', '★☆☆☆☆', '👍', '★★★★★'], /others words such as "👍"/],
    ['true and false among stars', [1, 5, true, 4], /others words such as "true"/],
  ])('and known words are not mixed with numbers of another scale: %s', async (_, values, message) => {
    const file = write('mixed.jsonl', lines(table(cycle(values, 40))));
    for (const scoreRange of ['auto', [1, 5], undefined] as const)
      await expect(ingest(file, { scoreRange, maxRejected: 1 })).rejects.toThrow(message);
  });

  test('with 0 and 1 they are', async () => {
    const file = write('ones.jsonl', lines(table(cycle(['good', 'bad', 1, 0], 40))));
    expect(await ingest(file, { scoreRange: 'auto' })).toMatchObject({ rowsAccepted: 80 });
  });

  test.each<[unknown[], boolean, RegExp | null]>([
    [['good'], true, /a quality of 1 on/],
    [[true], true, /a quality of 1 on/],
    [['100%', '5/5'], false, /a quality of 1 on/],
    [['bad'], false, /a quality of 0 on/],
    [[0.3], false, /a quality of 0\.3 on/],
    [['good', 'bad'], false, null],
    [[1], false, null],
  ])('%j alone is told of', async (values, allBest, warning) => {
    const file = write('same.jsonl', lines(table(cycle(values, 80))));
    const { ingest: report, warnings } = await prepareTraffic({
      files: [file],
      config: parseTrainConfig({}),
      folder: path('.'),
      scoreRange: 'auto',
    });
    expect(report.scoreScale.allBest).toBe(allBest);
    const told = warnings.filter((each) => each.startsWith('Every score is the same'));
    expect(told).toEqual(warning === null ? [] : [expect.stringMatching(warning)]);
  });
});

describe('scores of 0 to 1 are read as before', () => {
  test.each<[string, unknown[], number]>([
    ['zeros and ones', [0, 1, 1], 0],
    ['true and false', [true, false, 'TRUE'], 0],
    ['fractions with a stray', [...cycle([0.1, 0.5, 1], 99), 7], 2],
    ['zeros and ones with -1 for no answer', [...cycle([0, 1], 96), -1, -1, -1, -1], 8],
  ])('%s', async (_, values, refused) => {
    const report = await ingest(write('plain.jsonl', lines(table(values))));
    expect(report.scoreScale).toMatchObject({ range: [0, 1], by: 'default' });
    expect(report.rowsRead - report.rowsAccepted).toBe(refused);
  });

  test('where every score is 1, the report says that it may be the worst', async () => {
    const report = await ingest(write('ones.jsonl', lines(table(cycle([1], 30)))));
    expect(report.scoreScale.allOnes).toBe(true);
  });

  test('a failure that counts as worthless is the worst of any scale', async () => {
    const call = (i: number, more: object) => ({
      id: `c${i}`,
      request: { model: 'mini', messages: [{ role: 'user', content: `Words ${i}` }] },
      ...more,
    });
    const good = cycle([1, 3, 5], 12).map((rating, i) =>
      call(i, { rating, response: { choices: [{ message: { content: 'Yes' } }] } }),
    );
    const file = write('failed.jsonl', lines([...good, call(99, { response: { error: { code: 'down' } } })]));
    await ingest(file, { format: 'openai', failures: 'zero', scoreRange: 'auto' });
    expect((await readOutcomeMatrix(out)).quality.at(-1)).toBe(0);
  });
});

describe('rows rejected for one reason', () => {
  const bad = (count: number) =>
    table(cycle([0, 1, 0.5], 100)).map((row, i) => (i < count ? { ...row, costUsd: -1 } : row));

  test('stop an ingest where they are more than the share that was allowed, and nothing is written', async () => {
    const file = write('bad.jsonl', lines(bad(30)));
    const untouched = path('kept.parquet');
    await ingest(write('before.jsonl', lines(table([0, 1]))), { out: untouched });
    const before = await readOutcomeMatrix(untouched);
    await expect(ingest(file, { out: untouched, maxRejected: 0.05 })).rejects.toThrow(
      /^30 of 200 rows \(15 %\) were rejected for one reason, and more than 5 % stop a run: `costUsd` must be .*\(.*bad\.jsonl:1, .*Nothing was written.*--max-rejected 0\.16/s,
    );
    expect(await readOutcomeMatrix(untouched)).toEqual(before);
    expect(await ingest(file, { maxRejected: 0.16 })).toMatchObject({ rowsAccepted: 170 });
    expect(await ingest(file)).toMatchObject({ rowsAccepted: 170 });
  });

  test('say what their scores may be, where it is the scores', async () => {
    const remarks = table(cycle(['so-so', 0.5, 1, 0.25], 40));
    await expect(ingest(write('remarks.jsonl', lines(remarks)), { maxRejected: 0.05 })).rejects.toThrow(
      /Some scores are texts that say no quality: "so-so" × 20\. Put numbers/,
    );
  });

  test('stop nothing where they are few, repeats of a row, or in the table already', async () => {
    expect(await ingest(write('few.jsonl', lines(bad(9))), { maxRejected: 0 })).toMatchObject({
      rowsAccepted: 191,
    });
    const rows = table(cycle([0, 1, 0.5], 20));
    const twice = write('twice.jsonl', lines([...rows, ...rows]));
    expect(await ingest(twice, { maxRejected: 0 })).toMatchObject({ rowsAccepted: 40 });
    expect(await ingest(twice, { maxRejected: 0, append: true })).toMatchObject({ rowsInTable: 40 });
  });
});

describe('a training', () => {
  const prepare = (file: string, more: object = {}) =>
    prepareTraffic({
      files: [file],
      config: parseTrainConfig({}),
      folder: path('.'),
      ...more,
    });

  test('stops where more than 5 % of the rows are rejected for one reason, and goes on where it is told to', async () => {
    const rows = table(cycle([0, 1, 0.5], 100)).map((row, i) =>
      i % 5 === 0 ? { ...row, latencyMs: -1 } : row,
    );
    const file = write('train.jsonl', lines(rows));
    await expect(prepare(file)).rejects.toThrow(/40 of 200 rows \(20 %\) were rejected for one reason/);
    expect((await prepare(file, { maxRejected: 0.2 })).ingest.rowsAccepted).toBe(160);
  });

  test('that finds too few prompts names the rows that were rejected, and why', async () => {
    const rows = table(cycle([0, 1], 30)).map((row, i) =>
      i < 4 ? { ...row, costUsd: -1 } : i === 5 ? { ...row, task: [] } : row,
    );
    await expect(prepare(write('little.jsonl', lines(rows)))).rejects.toThrow(
      /Got 28\. Collect more traffic\. 5 of 60 rows were rejected: 4 × `costUsd` must be .* \(.*little\.jsonl:1\); 1 × `task` must be a string/,
    );
  });

  test('names the scale that it found', async () => {
    const { warnings } = await prepare(write('found.jsonl', lines(table(cycle([1, 3, 5], 80)))), {
      scoreRange: 'auto',
    });
    expect(warnings).toContain('Scores were read as 1 (worst) to 5 (best), as was found.');
  });
});

test('a retraining config has the same options', () => {
  const config = (logs: object) =>
    parseRetrainConfig({ router: 'models/x', logs: { files: ['x.jsonl'], ...logs } });
  expect(config({}).logs).toMatchObject({ maxRejected: 0.05, failures: 'null' });
  expect(config({ scoreRange: [1, 5], score: 'helpful' }).logs.scoreRange).toEqual([1, 5]);
  expect(config({ scoreRange: 'auto' }).logs.scoreRange).toBe('auto');
  expect(() => config({ scoreRange: [5, 5] })).toThrow(/logs\.scoreRange/);
});
