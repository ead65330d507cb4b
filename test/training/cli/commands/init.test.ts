import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { main } from '../../../../training/cli/main.ts';
import { parseRetrainConfig } from '../../../../training/retrain/config.ts';
import { shellWords } from '../../../documents/fenced-blocks.ts';
import { useShortStatic } from '../../../fixtures/short-static.ts';
import { temporaryFolder } from '../../../fixtures/temporary-folder.ts';
import { SOLVER_LOGS } from '../../ingest/formats/solver-logs.ts';
import { capturedIo } from '../captured-io.ts';
import { plantedRows } from '../planted-file.ts';
import { ANSWERS, LOGS, lines, ODD } from './first-logs.ts';

useShortStatic();
const { path, write } = temporaryFolder();
const work = ['--work', path('work')];

async function run(argv: readonly string[], input = '') {
  const io = capturedIo({ input });
  const code = await main(argv, io);
  return { code, ...io.said };
}

// `init.long.test.ts` has the others.
describe.each(['the sample that is shipped', 'a table with names of its own and stars'])('%s', (name) => {
  it('gives a config, and a next command that trains a router', async () => {
    const files = Object.entries(LOGS[name]()).map(([file, text]) => write(file, text));
    const out = path(`${name.replaceAll(' ', '-')}.yaml`);
    const told = await run(['init', ...files, '--out', out, '--router', path(`models/${name.length}`)]);
    expect(told).toMatchObject({ code: 0, err: '' });
    const [, next] = /^Next +(.*)$/m.exec(told.out)!;
    expect(readFileSync(out, 'utf8')).toContain(`# Then: ${next}\n`);
    // The same, and quicker.
    appendFileSync(out, 'resamples: 100\nfolds: 2\nheads: [linear]\nngrams: { dimensions: 0 }\n');
    const [program, tool, ...argv] = shellWords(next);
    expect([program, tool]).toEqual(['npx', 'pointsman']);
    const trained = await run([...argv, '--work', path('work'), '--quiet']);
    expect(trained.code, trained.err).toBe(0);
    expect(existsSync(path(`models/${name.length}/current.json`))).toBe(true);
  }, 60_000);
});

interface Summary {
  readonly seen: readonly string[];
  readonly lines: readonly { path: string[]; value: unknown; state: string; because: string }[];
  readonly needed: readonly string[];
  readonly obstacles: readonly string[];
  readonly next: string;
  readonly config: string;
}

async function look(file: string, ...flags: string[]): Promise<Summary & { code: number }> {
  const { code, out } = await run(['init', file, '--dry-run', '--json', ...flags]);
  return { code, ...JSON.parse(out) };
}

const lineOf = ({ lines: all }: Summary, name: string) => {
  const line = all.find((each) => each.path.join('.') === name);
  return line === undefined ? null : [line.state, line.value, line.because];
};

describe('what is said of a log is so', () => {
  it('rows, columns, scores, candidates and prices', async () => {
    const rows = ANSWERS.map((row, i) => ({
      wer: row.candidate,
      prompt: row.text,
      grade: i % 11 === 0 ? null : 1 + (i % 5),
      price_usd: row.costUsd,
      tok_in: row.inputTokens,
      tok_out: row.outputTokens,
      model: row.candidate,
    }));
    const broken = Array.from({ length: 5 }, () => ({ model: 'poet', prompt: 7, grade: 3 }));
    const found = await look(write('facts.jsonl', lines([...rows, ...broken])));
    expect(found.code).toBe(0);
    expect(found.seen).toEqual([
      `Looked at all ${rows.length + 5} records of the file.`,
      `${rows.length} of ${rows.length + 5} rows can be used; 5 rejected (5 × \`text\` must be a string).`,
    ]);
    const rated = rows.filter(({ grade }) => grade !== null);
    expect(lineOf(found, 'logs.scoreRange')).toEqual([
      'taken',
      [1, 5],
      `Scores: ${rated.length} of ${rows.length} rows; lowest 1, highest 5: taken for a scale of 1 (worst) to 5 (best).`,
    ]);
    expect(lineOf(found, 'logs.map.quality')).toEqual([
      'taken',
      'grade',
      `A rating in ${rated.length + 5} of ${rows.length + 5} records, 1 to 5.`,
    ]);
    expect(lineOf(found, 'logs.format')?.[2]).toBe(
      'Whose log it is: none of its first 200 records has the fields of a known log. Columns known by their names: text from prompt; candidate from model.',
    );
    const own = rows.filter(({ model }) => model === 'poet');
    const scored = own.filter(({ grade }) => grade !== null);
    const mean = scored.reduce((sum, { grade }) => sum + (grade! - 1) / 4, 0) / scored.length;
    expect(lineOf(found, 'candidates.poet')).toEqual([
      'taken',
      { inputPricePerMillionTokens: 0.15, outputPricePerMillionTokens: 0.6 },
      `${own.length} rows, ${scored.length} with a score, ${mean.toFixed(3)} on average of 0 (worst) to 1 (best). ` +
        `Prices from ${own.length} bills and their tokens: half of them agree with the prices.`,
    ]);
    expect(lineOf(found, 'policy')?.[2]).toContain(`Costs: ${rows.length} of ${rows.length} rows.`);
  });

  const rated = (score: (i: number) => unknown): string =>
    lines(plantedRows({ prompts: 60, seed: 5 }).map((row, i) => ({ ...row, quality: score(i) })));

  it.each<[string, (i: number) => unknown, readonly unknown[]]>([
    [
      '0 and 1',
      (i) => i % 2,
      ['taken', [0, 1], 'lowest 0, highest 1: taken for qualities of 0 (worst) to 1 (best).'],
    ],
    [
      'fractions',
      (i) => 0.25 + (i % 3) / 8,
      ['taken', [0, 1], 'lowest 0.25, highest 0.5: taken for qualities of 0 (worst) to 1 (best).'],
    ],
    [
      '1 to 5',
      (i) => 1 + (i % 5),
      ['taken', [1, 5], 'lowest 1, highest 5: taken for a scale of 1 (worst) to 5 (best).'],
    ],
    [
      '0 to 100',
      (i) => (37 * i) % 101,
      ['taken', [0, 100], 'lowest 0, highest 100: taken for a scale of 0 (worst) to 100 (best).'],
    ],
    [
      '-1 and 1',
      (i) => 1 - 2 * (i % 2),
      ['taken', [-1, 1], 'lowest -1, highest 1: taken for a scale of -1 (worst) to 1 (best).'],
    ],
    [
      'stars',
      (i) => '★'.repeat(1 + (i % 5)),
      ['taken', [1, 5], 'lowest 1, highest 5: taken for a scale of 1 (worst) to 5 (best).'],
    ],
    [
      'thumbs',
      (i) => ['👍', '👎'][i % 2],
      [
        'taken',
        [0, 1],
        'texts among them, which were read (as 0 to 1: lowest 0, highest 1): taken for qualities of 0 (worst) to 1 (best).',
      ],
    ],
    [
      'percentages',
      (i) => `${40 + (i % 20)}%`,
      [
        'taken',
        [0, 1],
        'texts among them, which were read (as 0 to 1: lowest 0.4, highest 0.59): taken for qualities of 0 (worst) to 1 (best).',
      ],
    ],
    [
      'ones alone',
      () => 1,
      [
        'taken',
        [0, 1],
        'all of them 1: taken for qualities of 0 (worst) to 1 (best). Every score is 1: if that is the worst of your scale, write its ends here, as [1, 5].',
      ],
    ],
    [
      'zeros alone',
      () => 0,
      ['taken', [0, 1], 'all of them 0: taken for qualities of 0 (worst) to 1 (best).'],
    ],
    ['an unclear scale', (i) => i % 19, ['needed', [0, 20], 'which one cannot be told']],
    [
      'a scale per candidate',
      (i) => (i % 3 === 0 ? 1 + ((i / 3) % 5) : (i % 2) * 0.5),
      ['needed', ['<worst>', '<best>'], 'on several scales'],
    ],
    ['no score', () => null, []],
  ])('scores: %s', async (name, score, [state, value, because]) => {
    const found = await look(write('scores.jsonl', rated(score)));
    const line = lineOf(found, 'logs.scoreRange');
    if (state === undefined) {
      expect(line).toBe(null);
      expect(lineOf(found, 'logs.map.quality')).toEqual([
        'needed',
        '<your column>',
        'None of 180 rows has a score, and a router learns from how good answers were.',
      ]);
    } else {
      expect(line?.slice(0, 2)).toEqual([state, value]);
      expect(line?.[2]).toContain(because);
      if (state === 'taken') expect(line?.[2]).toContain('Scores: 180 of 180 rows; ');
    }
    expect(found.code, name).toBe(state === 'taken' ? 0 : 3);
    expect(found.needed).toEqual(
      state === 'taken' ? [] : [state === undefined ? 'logs.map.quality' : 'logs.scoreRange'],
    );
  });

  it('scores of several names are asked for, and read once one is named', async () => {
    const { 'observations.jsonl': calls, 'scores.jsonl': scores } = SOLVER_LOGS.langfuse(ANSWERS);
    const tone = scores
      .slice(0, 40)
      .map((score, i) => ({ ...score, id: `tone-${i}`, name: 'tone', value: 5 }));
    const file = write('names.jsonl', lines([...calls, ...scores, ...tone]));
    const found = await look(file);
    expect(found).toMatchObject({ code: 3, needed: ['logs.score'] });
    expect(lineOf(found, 'logs.score')).toEqual([
      'needed',
      'correct',
      'The log has scores of 2 names: correct (240), tone (40). Name the one that says how good an answer was.',
    ]);
    expect(lineOf(found, 'candidates.poet')?.[2]).not.toContain('with a score');
    const named = await look(file, '--score', 'correct');
    expect(named).toMatchObject({ code: 0, needed: [] });
    expect(parse(named.config).logs).toMatchObject({ score: 'correct', scoreRange: [0, 1] });
  });

  it('what each candidate costs, as far as the log says it', async () => {
    const rows = plantedRows({ prompts: 60, seed: 6 }).map((row, i) => ({
      ...row,
      costUsd: row.candidate === 'large' && i % 2 === 0 ? 0.002 : null,
      inputTokens: row.candidate === 'poet' ? 10 : null,
      outputTokens: row.candidate === 'poet' ? 10 : null,
    }));
    const found = await look(write('costs.jsonl', lines(rows)));
    const said = ['large', 'poet', 'reckoner'].map((name) => lineOf(found, `candidates.${name}`));
    expect(said.map((line) => line?.[0])).toEqual(['offered', 'offered', 'offered']);
    expect(said[0]?.[2]).toContain(
      'Costs: 30 of 60 rows, $2.00 per 1,000 on average, which training takes; without tokens, no price is seen in them.',
    );
    expect(said[1]?.[2]).toContain(
      'Costs: none. Tokens: 60 of 60 rows; with prices, training computes the costs.',
    );
    expect(said[2]?.[2]).toContain('Costs: none. Tokens: none.');
    expect(parse(found.config).candidates).toBe(undefined);
    expect(found.config).toContain('\n#   poet: { inputPricePerMillionTokens: <dollars>,');
  });

  it('latencies whose unit nobody says, which may be seconds', async () => {
    const rows = plantedRows({ prompts: 60, seed: 12 }).map(({ latencyMs, ...row }) => ({
      ...row,
      latency: latencyMs,
    }));
    const longest = rows.reduce((most, { latency }) => Math.max(most, Number(latency)), 0);
    expect(longest).toBeGreaterThan(1000);
    const plain = lineOf(await look(write('latency.jsonl', lines(rows))), 'logs.format')?.[2];
    expect(plain).toContain('latencyMs from latency (latency is taken to be in milliseconds).');
    const seconds = rows.map((row) => ({ ...row, latency: Number(row.latency) / 1000 }));
    expect(lineOf(await look(write('seconds.jsonl', lines(seconds))), 'logs.format')?.[2]).toContain(
      `(latency is taken to be in milliseconds, though the highest is ${Number((longest / 1000).toPrecision(3))}: if these are seconds, bring them to milliseconds).`,
    );
  });

  it('what looks personal', async () => {
    const rows = plantedRows({ prompts: 60, seed: 7 }).map((row) => ({
      ...row,
      text: `${row.text}${Number(String(row.requestId).slice(1)) < 12 ? ' Write to a@example.com.' : ''}`,
    }));
    expect(lineOf(await look(write('personal.jsonl', lines(rows))), 'logs.redact')).toEqual([
      'offered',
      true,
      'What looks personal: 12 of 60 prompts that were looked at, EMAIL in 12. This puts [EMAIL] and the like in its place.',
    ]);
    expect(lineOf(await look(write('odd.jsonl', lines(ODD))), 'logs.redact')?.[2]).toBe(
      'What looks personal: none of 90 prompts that were looked at; names and places are never found.',
    );
  });

  it('a reason that rejects too many rows, and one candidate alone, stop training and are told', async () => {
    const rows = plantedRows({ prompts: 60, seed: 8 });
    const bad = rows.map((row, i) => (i % 4 === 0 ? { ...row, costUsd: 'free' } : row));
    const found = await look(write('bad.jsonl', lines(bad)));
    expect(found).toMatchObject({ code: 3, needed: ['logs.maxRejected'] });
    expect(lineOf(found, 'logs.maxRejected')?.slice(0, 2)).toEqual(['needed', 0.26]);
    expect(lineOf(found, 'logs.maxRejected')?.[2]).toMatch(
      /^45 of 180 rows \(25\.0 %\) are rejected for one reason, `costUsd`/,
    );
    const alone = await look(
      write('alone.jsonl', lines(rows.filter(({ candidate }) => candidate === 'poet'))),
    );
    expect(alone).toMatchObject({ code: 3, needed: [] });
    expect(alone.obstacles[0]).toMatch(/at least 2 candidates.*Got 1: poet/);
  });

  it('that only a part was looked at', async () => {
    const file = write('long.jsonl', lines(plantedRows({ prompts: 60, seed: 9 })));
    const { seen } = await look(file, '--rows', '100');
    expect(seen).toEqual([
      'Looked at the first 100 records of the file; there are more.',
      '100 of 100 rows can be used.',
    ]);
    expect((await look(file, '--rows', '180')).seen[0]).toBe('Looked at all 180 records of the file.');
    const page = write('page.json', JSON.stringify({ data: SOLVER_LOGS.litellm(ANSWERS)['litellm.jsonl'] }));
    expect((await look(page, '--rows', '100')).seen).toEqual([
      'Looked at the first 100 records of the file; there are more.',
      '100 of 100 rows can be used.',
    ]);
  });
});

it('a table whose columns say nothing is described, with lines to fill in', async () => {
  const rows = ODD.map((row) => ({
    a: row.frage,
    b: row.llm,
    c: row['user-stars'],
    d: `Well, ${row.frage}`,
  }));
  const file = write('mystery.jsonl', lines(rows));
  const found = await look(file);
  expect(found).toMatchObject({
    code: 3,
    needed: ['logs.map.candidate', 'logs.map.quality', 'logs.map.text', 'logs.map.requestId'],
  });
  expect(lineOf(found, 'logs.map.quality')?.[2]).toBe(
    'No column was taken for ratings in 270 records that were looked at; by what they hold, it might be c.',
  );
  expect(parse(found.config).logs).toEqual({ format: 'table' });
  // Filled in as it says, it is a config that trains.
  const filled = ['candidate b', 'quality c', 'text a', 'requestId a'].reduce(
    (config, pair) => {
      const [field, column] = pair.split(' ');
      return config.replace(`#   ${field}: <your column>`, `    ${field}: ${column}`);
    },
    found.config.replace('# map:', 'map:'),
  );
  const config = write('filled.yaml', filled.replace('map:', 'scoreRange: auto\n  map:'));
  expect(
    await run(['train', file, '--config', config, '--out', path('models/m'), '--dry-run', ...work]),
  ).toMatchObject({ code: 0 });
  expect(
    parse((await look(file, '--map', 'text=a', '--map', 'candidate=b', '--map', 'quality=c')).config).logs
      .map,
  ).toEqual({
    text: 'a',
    candidate: 'b',
    quality: 'c',
    requestId: 'a',
  });
});

it('names that YAML could take for something else are read back as they are', async () => {
  const names = [
    ...['yes', 'No', 'null', '~', '1e3', '0x1F', '007', '1.0', 'true', '<<', '.inf', '2026-01-01', '1:30'],
    ...[
      '*star',
      '&anchor',
      '- dash',
      '# hash',
      'a: b',
      'a #b',
      '{x}',
      '[y]',
      '!tag',
      '|',
      '>',
      '%',
      '@at',
      '`tick',
    ],
    ...['"quoted"', "it's", 'back\\slash', '模型', 'é́', '🦜', ' space ', 'x'.repeat(200)],
  ];
  const rows = names.flatMap((model, n) =>
    Array.from({ length: 60 }, (_, i) => ({
      id: `r${i}`,
      prompt: `Which ship has the number ${i} of ${i % 7}, and when did it sail?`,
      model,
      score: (i + n) % 2,
      cost: (10 + (i % 7) + 2 * (5 + (i % 11))) / 1e6,
      prompt_tokens: 10 + (i % 7),
      completion_tokens: 5 + (i % 11),
    })),
  );
  const file = write('names.jsonl', lines(rows));
  const found = await look(file);
  expect(found.code).toBe(0);
  const config = write('names.yaml', found.config);
  expect(Object.keys(parse(found.config).candidates).sort()).toEqual([...names].sort());
  // Whoever reads YAML as it was until 2009 reads the same.
  expect(Object.keys(parse(found.config, { version: '1.1', merge: false }).candidates).sort()).toEqual(
    [...names].sort(),
  );
  const { code, out } = await run([
    'train',
    file,
    '--config',
    config,
    '--out',
    path('models/n'),
    '--dry-run',
    '--json',
    ...work,
  ]);
  expect(code).toBe(0);
  expect(JSON.parse(out).ingest.candidates).toEqual([...names].sort());
});

it('text of a log stays within its comment', async () => {
  const rows = plantedRows({ prompts: 60, seed: 10 }).map(({ candidate, quality, ...row }) => ({
    ...row,
    'llm\nseed: 7 # ': candidate,
    quality: Number(quality) === 1 ? '85\u2028\r\n%' : 3,
    metadata: { note: 'good\nseed: 8\u2028seed: 9\u0085seed: 9\r\nseed: 10\u001b[31m' },
  }));
  const { config } = await look(write('escape.jsonl', lines(rows)));
  expect(parse(config).seed).toBe(undefined);
  expect(parse(config).logs.map.candidate).toBe('llm\nseed: 7 # ');
  expect(config).not.toContain('\u2028');
  const words = rows.map((row) => ({ ...row, quality: row.quality === 3 ? 'bad' : row.metadata.note }));
  const refused = await run(['init', write('words.jsonl', lines(words)), '--dry-run']);
  expect([refused.code, refused.err]).toEqual([
    1,
    expect.stringMatching(/of which it is not known how good they are/),
  ]);
  expect(refused.err).not.toContain('\u001b');
});

describe('the file', () => {
  const file = () => write('file.jsonl', lines(ODD));

  it('is not written over unless forced, and nothing is left beside it', async () => {
    const out = path('once/pointsman.yaml');
    mkdirSync(path('once'));
    expect(await run(['init', file(), '--out', out])).toMatchObject({ code: 0 });
    const first = readFileSync(out, 'utf8');
    const again = await run(['init', file(), '--out', out]);
    expect(again).toMatchObject({ code: 1, out: '' });
    expect(again.err).toBe(
      `${out} is there already, and is left as it is. Write over it with --force, or to another file with --out.\n`,
    );
    expect(
      await run(['init', file(), '--out', out, '--force', '--router', path('models/other')]),
    ).toMatchObject({ code: 0 });
    expect(readFileSync(out, 'utf8')).not.toBe(first);
    expect(readdirSync(path('once'))).toEqual(['pointsman.yaml']);
  });

  it('is printed with --out - and --dry-run, and what else there is to say goes to standard error', async () => {
    for (const flags of [
      ['--out', '-'],
      ['--dry-run', '--out', path('never.yaml')],
    ]) {
      const { code, err, out } = await run(['init', file(), ...flags]);
      expect(code).toBe(0);
      expect(parse(out).logs.map.text).toBe('frage');
      expect(err).toContain('Next     npx pointsman train');
    }
    expect(existsSync(path('never.yaml'))).toBe(false);
  });

  it('is made of standard input too', async () => {
    const { code, err, out } = await run(['init', '-', '--out', '-'], lines(ODD));
    expect([code, parse(out).logs.format]).toEqual([0, 'table']);
    expect(err).toContain(
      'npx pointsman train - --config pointsman.yaml --out models/my-router < your-log\n',
    );
    expect(out).not.toContain('pointsman-');
    expect(await run(['init', '-'], '')).toMatchObject({ code: 1 });
    expect(await run(['init', '-', '--retrain'], lines(ODD))).toMatchObject({ code: 2 });
  });

  it.each([
    [
      'a folder that is not there',
      'none/x.yaml',
      /There is no folder .*none to write .*x\.yaml to\. Make it first\./,
    ],
    ['a folder in its place', '.', /is a folder\. Name a file: --out/],
  ])('cannot go to %s, which is said before the log is read', async (_, out, message) => {
    const { code, err } = await run(['init', 'not-there.jsonl', '--out', path(out)]);
    expect(code).toBe(1);
    expect(err).toMatch(message);
  });
});

describe('what is no log is refused in words', () => {
  it.each<[string, () => string, RegExp]>([
    ['an empty file', () => write('empty.jsonl', ''), /There is no usable row in .*: the file is empty/],
    [
      'bytes',
      () =>
        write(
          'bytes.jsonl',
          Uint8Array.from({ length: 3000 }, (_, i) => (i * 7919) % 256),
        ),
      /There is no usable row in .*not valid/,
    ],
    ['bytes for Parquet', () => write('bytes.parquet', 'no Parquet at all'), /cannot be read as Parquet/],
    ['a folder', () => path('.'), /is a folder\. Give its files/],
    ['a file that is not there', () => path('nowhere.jsonl'), /There is no file/],
    ['another ending', () => write('notes.txt', 'x'), /is not known from its ending/],
    [
      'rows that are all rejected',
      () => write('rejected.jsonl', lines([{ id: 1, model: 'a', prompt: 5 }])),
      /There is no usable row in .*1 × `text` must be a string/,
    ],
    ['a column that no row has', () => write('odd2.jsonl', lines(ODD)), /no row has "elsewhere"/],
  ])('%s', async (name, file, message) => {
    const map = name.startsWith('a column') ? ['--map', 'task=elsewhere'] : [];
    const { code, err, out } = await run(['init', file(), '--out', path('refused.yaml'), ...map]);
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(message);
    expect(err).not.toContain('pointsman-init');
    expect(existsSync(path('refused.yaml'))).toBe(false);
  });
});

it('Parquet and a file of each kind of log are read', async () => {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const parquet = path('odd.parquet');
  await connection.run(
    `COPY (SELECT * FROM read_json_auto('${write('for-parquet.jsonl', lines(ODD.map(({ asked, ...row }) => row)))}')) TO '${parquet}'`,
  );
  connection.closeSync();
  expect(parse((await look(parquet)).config).logs.map).toMatchObject({
    text: 'frage',
    candidate: 'llm',
    quality: 'user-stars',
  });
  const files = [
    write('mixed.jsonl', lines(SOLVER_LOGS.openai(ANSWERS)['pairs.jsonl'])),
    write(
      'mixed2.jsonl',
      lines(SOLVER_LOGS.litellm(ANSWERS)['litellm.jsonl'].map((each) => ({ ...each, metadata: {} }))),
    ),
  ];
  const { out } = await run(['init', ...files, '--dry-run', '--json']);
  const found = JSON.parse(out) as Summary;
  expect(lineOf(found, 'logs.format')).toEqual([
    'taken',
    'auto',
    `Whose log it is: ${files[0]} is read as openai: 200 of its first 200 records have request.messages; ${files[1]} is read as litellm: 200 of its first 200 records have call_type and response_cost.`,
  ]);
});

it('--retrain writes a config that retrain takes', async () => {
  const file = write('nightly.jsonl', lines(ODD));
  const found = await look(file, '--retrain', '--router', path('models/r'));
  const config = parseRetrainConfig(parse(found.config));
  expect(config.logs).toMatchObject({
    files: [file],
    map: { text: 'frage', candidate: 'llm', timestamp: 'asked.at' },
    scoreRange: [1, 5],
  });
  expect(found.next).toBe('npx pointsman retrain --config retrain.yaml');
  const undated = await look(write('undated.jsonl', lines(ODD.map(({ asked, ...row }) => row))), '--retrain');
  expect(undated).toMatchObject({ code: 3, needed: ['logs.map.timestamp'] });
});

it('the command line comes before the config, of whose map it is a part', async () => {
  const file = write(
    'both.jsonl',
    lines(ODD.map((row) => ({ ...row, note: 1 + ((row['user-stars'] ?? 0) % 2), who: row.llm }))),
  );
  const config = write(
    'both.yaml',
    'logs: { map: { text: frage, requestId: frage, candidate: llm, quality: user-stars }, scoreRange: [1, 5], maxRejected: 1, redact: true }',
  );
  const dry = ['train', file, '--config', config, '--out', path('models/b'), '--dry-run', '--json', ...work];
  const plain = JSON.parse((await run(dry)).out).ingest;
  expect(plain.scoreScale).toMatchObject({ range: [1, 5], by: 'given' });
  expect(plain.aliases).toMatchObject({ quality: ['user-stars'], candidate: ['llm'] });
  const other = JSON.parse(
    (await run([...dry, '--map', 'quality=note', '--score-range', '1..2'])).out,
  ).ingest;
  expect(other.scoreScale.range).toEqual([1, 2]);
  expect(other.aliases).toMatchObject({ quality: ['note'], candidate: ['llm'] });
  const wrong = await run([
    'train',
    file,
    '--config',
    write('wrong.yaml', 'logs: { scoreRange: 5 }'),
    '--out',
    path('models/b'),
    '--dry-run',
    ...work,
  ]);
  expect(wrong.code).toBe(1);
  expect(wrong.err).toContain('`logs.scoreRange` of the training config');
});
