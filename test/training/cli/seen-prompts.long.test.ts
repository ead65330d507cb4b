import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readArtifactFolder } from 'pointsman/node';
import { beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { main } from '../../../training/cli/main.ts';
import { useShortStatic } from '../../fixtures/short-static.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { type CapturedIo, capturedIo } from './captured-io.ts';
import { type PlantedRow, plantedRows, writeRows } from './planted-file.ts';

useShortStatic();
const { path } = temporaryFolder();
const full = () => path('models/full');
const logged = () => path('models/logged');

async function run(argv: readonly string[], input = ''): Promise<CapturedIo & { code: number }> {
  const io = capturedIo({ input });
  return { ...io, code: await main([...argv, '--quiet', '--work', path('work')], io) };
}

/** Three rows a prompt; of the first, 180 prompts to fit, 60 to calibrate, 60 to test. */
const planted = (count: number, seed: number): PlantedRow[] =>
  plantedRows({ prompts: count, seed }).map((row) => ({ ...row, requestId: `${seed}-${row.requestId}` }));
/** Some prompts are drawn twice, word for word. */
const drawnAnew = (count: number, seed: number, before: readonly PlantedRow[]): PlantedRow[] => {
  const texts = new Set(before.map(({ text }) => text));
  return planted(2 * count, seed)
    .filter(({ text }) => !texts.has(text))
    .slice(0, 3 * count);
};
const rows = planted(300, 1);
const newer = drawnAnew(200, 77, rows);
const log = planted(600, 5);
/** One row a prompt: each candidate in turn, with the propensity that a draw would have. */
const ofOne = (all: readonly PlantedRow[]): PlantedRow[] =>
  all.filter((_, i) => i % 3 === Math.floor(i / 3 + 1) % 3).map((row) => ({ ...row, propensity: 1 / 3 }));
const prompts = (all: readonly PlantedRow[], from: number, to: number) => all.slice(3 * from, 3 * to);

const csv = (all: readonly PlantedRow[]) => {
  const columns = Object.keys(all[0]);
  const line = (cells: readonly unknown[]) =>
    `${cells.map((cell) => JSON.stringify(cell ?? '')).join(',')}\n`;
  return line(columns) + all.map((row) => line(columns.map((name) => row[name]))).join('');
};

async function inFile(name: string, all: readonly PlantedRow[]): Promise<string> {
  if (!name.endsWith('.csv')) return writeRows(path(name), all);
  await writeFile(path(name), csv(all));
  return path(name);
}

beforeAll(async () => {
  await writeFile(
    path('train.yaml'),
    'resamples: 100\nfolds: 2\nheads: [linear]\nngrams: { dimensions: 8 }\n',
  );
  const config = ['--config', path('train.yaml')];
  await run(['train', await inFile('full.jsonl', rows), '--out', full(), ...config]);
  await run(['train', await inFile('logged.jsonl', ofOne(log)), '--out', logged(), ...config]);
});

const told = (name: string, all: readonly PlantedRow[], expected: readonly [number, number, number]) =>
  ({ name, all, expected }) as const;

const renamed = (all: readonly PlantedRow[]) =>
  all.map((row) => ({ ...row, requestId: `new-${row.requestId}` }));
const nearly = (all: readonly PlantedRow[]) =>
  all.map((row) => ({ ...row, text: `  ${String(row.text).toUpperCase().replaceAll(' ', '  ')}` }));

describe('evaluate leaves out what the router has seen, in whatever file it comes', () => {
  it.each([
    told('the same.jsonl', rows, [180, 60, 60]),
    told('other order.jsonl', renamed(rows.toReversed()), [180, 60, 60]),
    told('other format.csv', rows, [180, 60, 60]),
    told(
      'no costs.jsonl',
      rows.map(({ costUsd: _, ...row }) => row),
      [180, 60, 60],
    ),
    told('case and white space.jsonl', nearly(renamed(rows)), [180, 60, 60]),
    told('grown.jsonl', [...rows, ...newer], [180, 60, 260]),
  ])('$name', async ({ all, expected, name }) => {
    const file = await inFile(name, all);
    const { code, said } = await run(['evaluate', full(), file, '--json']);
    expect(code, said.out).toBe(0);
    const { leftOut, prompts: used } = JSON.parse(said.out);
    expect([leftOut.fit, leftOut.calibrate, used.test]).toEqual(expected);
    expect(leftOut.why).toBe(
      `240 of ${expected.reduce((sum, count) => sum + count, 0)} prompts were left out: the router was fitted or calibrated on them or on near-duplicates of them.`,
    );
  });

  it('a part of the training traffic: what was held back is measured, as the training did', async () => {
    const file = await inFile('part.jsonl', prompts(rows, 0, 230));
    const report = path('part.html');
    const { code, said } = await run(['evaluate', full(), file, '--report', report]);
    expect(code).toBe(0);
    const [, left, all] = /^Note: (\d+) of (\d+) prompts were left out/.exec(said.err)!;
    expect(Number(all)).toBe(230);
    expect(said.out).toContain(`on ${230 - Number(left)} test prompts`);
    expect(await readFile(report, 'utf8')).toContain(`${left} of 230 prompts were left out`);
    // The whole of it gives the figures of the training itself.
    const own = JSON.parse((await run(['evaluate', full(), path('full.jsonl'), '--json'])).said.out);
    const { files } = (await readArtifactFolder(full(), { reports: true })).reports!;
    const trained = JSON.parse(new TextDecoder().decode(files.get('metrics.json')));
    expect(own.strategies[0].quality.estimate).toBeCloseTo(trained.strategies[0].quality.estimate, 6);
  });

  it('near-duplicates of seen prompts go with them', async () => {
    const added = prompts(rows, 0, 300).map((row) => ({
      ...row,
      requestId: `near-${row.requestId}`,
      text: `${row.text} Please answer in one short and friendly sentence, without any further words of explanation, thank you.`,
    }));
    const long = added.map((row) => ({
      ...row,
      requestId: `l${row.requestId}`,
      text: `${row.text} Thanks!`,
    }));
    const config = ['--config', path('train.yaml')];
    const near = path('models/near');
    await run(['train', await inFile('near.jsonl', added), '--out', near, ...config]);
    // Beside the prompts themselves, which are known by their text, copies with a word more.
    const file = await inFile('nearly.jsonl', [...added, ...long]);
    const { leftOut, prompts: used } = JSON.parse((await run(['evaluate', near, file, '--json'])).said.out);
    expect([leftOut.fit, leftOut.calibrate, used.test]).toEqual([360, 120, 120]);
  });

  it('off-policy too: the log that was trained on, a part of it, and a grown one', async () => {
    const later = ofOne(drawnAnew(400, 6, log));
    for (const [name, all, test] of [
      ['log again.jsonl', ofOne(log), 120],
      ['log.csv', ofOne(log).toReversed(), 120],
      ['log grown.jsonl', [...ofOne(log), ...later], 520],
    ] as const) {
      const { code, said } = await run(['evaluate', logged(), await inFile(name, all), '--json']);
      expect(code, said.out).toBe(0);
      const { leftOut, offPolicy, prompts: used } = JSON.parse(said.out);
      expect([name, leftOut.fit, leftOut.calibrate, used.test, offPolicy.rows]).toEqual([
        name,
        360,
        120,
        test,
        test,
      ]);
    }
  });

  it('refuses where nothing, or next to nothing, is left', async () => {
    const { tune } = await partsOf(full(), rows);
    const nothing = await inFile('seen.jsonl', tune.seen);
    const { code, said } = await run(['evaluate', full(), nothing]);
    expect(code).toBe(1);
    expect(said.err).toBe(
      `Nothing is left to measure the router on. 240 of 240 prompts were left out: the router was fitted or calibrated on them or on near-duplicates of them. Give newer traffic; what the part held back for the test says is in the report of ${full()}.\n`,
    );
    const few = await inFile('nearly seen.jsonl', [...tune.seen, ...tune.unseen.slice(0, 9)]);
    expect((await run(['evaluate', full(), few])).said.err).toMatch(
      /^Only 3 prompts are left to measure the router on, and 8/,
    );
    const json = await run(['evaluate', full(), nothing, '--json']);
    expect(JSON.parse(json.said.out).error.message).toMatch(/^Nothing is left/);
  });

  it('says nothing of newer traffic, and that it cannot be told of a router without the record', async () => {
    const file = await inFile('newer.jsonl', newer);
    const { said } = await run(['evaluate', full(), file]);
    expect(said.err).toBe('');
    const old = path('models/old');
    await cp(full(), old, { recursive: true });
    const { version } = JSON.parse(await readFile(join(old, 'current.json'), 'utf8'));
    await rm(join(old, version, 'seen.bin'));
    for (const argv of [
      ['evaluate', old, file],
      ['tune', old, file, '--max-loss', '20'],
    ]) {
      const { code, said } = await run(argv);
      expect(code).toBe(0);
      expect((said.err + said.out).replaceAll(/\s+/g, ' ')).toContain(
        'Whether the router was trained on some of these prompts cannot be told: seen.bin of the artifact cannot be read',
      );
    }
    const own = await run(['evaluate', old, path('full.jsonl'), '--json']);
    expect(JSON.parse(own.said.out).leftOut).toBeNull();
    expect(own.said.err).toBe(
      'Note: The router was trained on this very traffic, so these figures flatter it.\n',
    );
  });
});

/** The rows of traffic by whether the router has seen their prompts, as its record says. */
async function partsOf(folder: string, all: readonly PlantedRow[]) {
  const { splitBySeen } = await import('../../../training/train/tuning-traffic.ts');
  const texts = [...new Set(all.map(({ text }) => String(text)))];
  const matrix = { prompts: texts.map((text) => ({ request: { text } })) } as never;
  const seen = splitBySeen(await readArtifactFolder(folder, { reports: true }), matrix);
  if (typeof seen === 'string') throw new Error(seen);
  const unseen = new Set(Array.from(seen.unseen, (row) => texts[row]));
  return {
    tune: {
      seen: all.filter(({ text }) => !unseen.has(String(text))),
      unseen: all.filter(({ text }) => unseen.has(String(text))),
    },
  };
}

describe('tune finds no setting on what the router was fitted on', () => {
  it.each([
    told('tuned order.jsonl', renamed(rows.toReversed()), [180, 60, 60]),
    told(
      'tuned.csv',
      rows.map(({ costUsd, ...row }) => ({ ...row, costUsd: 2 * Number(costUsd) })),
      [180, 60, 60],
    ),
  ])('$name: as on its own traffic', async ({ all, expected, name }) => {
    const file = await inFile(name, all);
    const share = await run([
      'tune',
      full(),
      file,
      '--strong-share',
      '0.3',
      '--candidates',
      'poet,large',
      '--json',
    ]);
    const { leftOut, test, tuned, tunedOn } = JSON.parse(share.said.out);
    expect([tunedOn, leftOut.fit, tuned.rows, test.rows]).toEqual(['calibrate', ...expected]);
    const weights = await run(['tune', full(), file, '--max-loss', '20', '--json']);
    const { guarantee, measuredOn, worth } = JSON.parse(weights.said.out);
    expect([guarantee.rows, worth.quality.rows, measuredOn]).toEqual([60, 60, 'unseen prompts']);
    const words = (await run(['tune', full(), file, '--max-loss', '20'])).said.out.replaceAll(/\s+/g, ' ');
    expect(words).toContain(
      '180 of 300 prompts were left out: the router was fitted on them or on near-duplicates',
    );
    expect(words).toContain('as 60 prompts show');
    expect(words).toContain('On 60 prompts that the router has not seen, it is');
  });

  it('a grown log: all that the router has not seen', async () => {
    const file = await inFile('tuned grown.jsonl', [...rows, ...newer]);
    const { said } = await run(['tune', full(), file, '--max-loss', '20', '--json']);
    const { guarantee, leftOut, measuredOn } = JSON.parse(said.out);
    expect([guarantee.rows, leftOut.fit, leftOut.calibrate, measuredOn]).toEqual([
      260,
      180,
      60,
      'the same prompts',
    ]);
    const share = await run(['tune', full(), file, '--strong-share', '0.3', '--candidates', 'poet,large']);
    expect(share.said.out.replaceAll(/\s+/g, ' ')).toContain(
      '240 of 500 prompts were left out: the router was fitted or calibrated on them or on near-duplicates of them. It was tuned on all others, none of which the router has seen.',
    );
  });

  it('a part that is too small is refused, and what was left out is said', async () => {
    const file = await inFile('tuned part.jsonl', prompts(rows, 0, 100));
    for (const flags of [
      ['--strong-share', '0.3', '--candidates', 'poet,large'],
      ['--max-loss', '0.5'],
    ]) {
      const { code, said } = await run(['tune', full(), file, ...flags]);
      expect(code).toBe(1);
      expect(said.err).toMatch(/of 100 prompts were left out: the router was fitted on them/);
    }
    const { tune } = await partsOf(full(), rows);
    const seen = await inFile('tuned seen.jsonl', tune.seen);
    const kept = JSON.parse((await run(['tune', full(), seen, '--max-loss', '20', '--json'])).said.out);
    expect([kept.tunedOn, kept.guarantee.rows, kept.measuredOn]).toEqual([
      'calibrate',
      60,
      'the same prompts',
    ]);
  });

  it('a log of one answer a prompt', async () => {
    const again = renamed(ofOne(log).toReversed());
    const { said } = await run([
      'tune',
      logged(),
      await inFile('tuned log.jsonl', again),
      '--max-loss',
      '60',
      '--json',
    ]);
    const { guarantee, isEstimated, leftOut } = JSON.parse(said.out);
    expect([isEstimated, guarantee.rows, leftOut.fit]).toEqual([true, 120, 360]);
  });

  it('takes prices, as training does, and finds its own traffic again', async () => {
    const tokens = rows.map(({ costUsd: _, ...row }) => ({ ...row, inputTokens: 500, outputTokens: 100 }));
    const file = await inFile('tokens.jsonl', tokens);
    const price = (input: number) => ({
      inputPricePerMillionTokens: input,
      outputPricePerMillionTokens: 4 * input,
    });
    await writeFile(
      path('prices.yaml'),
      stringify({ large: price(5), poet: price(0.5), reckoner: price(0.5) }),
    );
    const prices = ['--prices', path('prices.yaml')];
    const priced = path('models/priced');
    await run(['train', file, '--out', priced, '--config', path('train.yaml'), ...prices]);
    for (const [flags, expected] of [
      [[...prices], 'own'],
      [[], 'calibrate'],
    ] as const) {
      const argv = [
        'tune',
        priced,
        file,
        ...flags,
        '--strong-share',
        '0.3',
        '--candidates',
        'poet,large',
        '--json',
      ];
      const { code, said } = await run(argv);
      expect(code, said.out).toBe(0);
      const { test, tuned, tunedOn } = JSON.parse(said.out);
      expect([tunedOn, tuned.rows, test.rows]).toEqual([expected, 60, 60]);
    }
    const weights = await run(['tune', priced, file, ...prices, '--max-loss', '20', '--json']);
    expect(JSON.parse(weights.said.out)).toMatchObject({ tunedOn: 'own', measuredOn: 'the test split' });
  });
});

it('what a version after learns from is seen as well: probes of a candidate that is added', async () => {
  const copy = path('models/added');
  await cp(full(), copy, { recursive: true });
  const probes = prompts(newer, 0, 40)
    .filter(({ candidate }) => candidate === 'large')
    .map((row) => ({ ...row, candidate: 'fresh' }));
  const added = await run([
    'candidates',
    'add',
    'fresh',
    '--router',
    copy,
    '--probes',
    await inFile('probes.jsonl', probes),
  ]);
  expect(added.code, added.said.err).toBe(0);
  const { said } = await run(['evaluate', copy, await inFile('after.jsonl', newer), '--json']);
  const { leftOut, prompts: used } = JSON.parse(said.out);
  expect([leftOut.fit, used.test]).toEqual([40, 160]);
});

it('after a candidate was added, tuning on traffic without it says that, and takes others where none are named', async () => {
  const copy = path('models/with-new');
  await cp(full(), copy, { recursive: true });
  const probes = prompts(newer, 0, 60)
    .filter(({ candidate }) => candidate === 'large')
    .map((row) => ({ ...row, candidate: 'fresh', quality: 1, costUsd: 0.00001 }));
  const file = await inFile('probes of fresh.jsonl', probes);
  expect((await run(['candidates', 'add', 'fresh', '--router', copy, '--probes', file])).code).toBe(0);
  for (const goal of [
    ['--max-loss', '5'],
    ['--mean-cost', '0.0000001'],
  ]) {
    const { code, said } = await run(['tune', copy, path('full.jsonl'), ...goal]);
    expect(code).toBe(1);
    expect(said.err).not.toMatch(/^0 prompts/);
    expect(said.err).toContain(
      'It chooses fresh, of which there are too few outcomes: let it answer more of the traffic. The traffic has no outcome of fresh, which the router may choose: give traffic with its answers',
    );
  }
  const share = await run(['tune', copy, path('full.jsonl'), '--strong-share', '0.3', '--json']);
  expect(share.code, share.said.out).toBe(0);
  expect(JSON.parse(share.said.out).policy).toMatchObject({ kind: 'threshold', strong: 'large' });
});
