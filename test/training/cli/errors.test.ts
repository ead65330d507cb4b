import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { main } from '../../../training/cli/main.ts';
import { TOOL_VERSION } from '../../../training/work/run-folder.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { capturedIo } from './captured-io.ts';
import { type PlantedRow, plantedRows, writeRows } from './planted-file.ts';

const { path, write } = temporaryFolder();
const out = path('models/none');

async function run(...argv: string[]) {
  const io = capturedIo();
  const code = await main(argv, io);
  return { code, ...io.said };
}

async function train(rows: readonly PlantedRow[], ...more: string[]) {
  const file = await writeRows(path('rows.jsonl'), rows);
  return run('train', file, '--out', out, '--work', path('work'), '--quiet', ...more);
}

describe('what the command is', () => {
  it('is said by --version and --help, with examples for each command', async () => {
    expect(await run('--version')).toEqual({ code: 0, out: `${TOOL_VERSION}\n`, err: '' });
    expect((await run('--help')).out).toContain('pointsman route models/support');
    const seen: string[] = [];
    /** The command and all below it. */
    const look = async (...names: string[]): Promise<void> => {
      const { code, out: help } = await run(...names, '--help');
      expect(code).toBe(0);
      if (names.length > 0) expect(help).toContain(`$ npx pointsman ${names.join(' ')}`);
      seen.push(names.join(' '));
      const below = help.split('\nCommands:\n')[1]?.split('\n\n')[0] ?? '';
      for (const [, name] of below.matchAll(/^ {2}(?!help )([a-z]+) /gm)) await look(...names, name);
    };
    await look();
    expect(seen).toEqual(expect.arrayContaining(['train', 'candidates restore', 'log', 'log forget']));
  });

  it('is listed with the usage that each command says of itself', async () => {
    const { out: list } = await run('--help');
    const listed = [...list.matchAll(/^ {2}(?!help )([a-z]+) (\S.*?)(?: {2,}.*)?$/gm)];
    expect(listed.length).toBeGreaterThan(10);
    for (const [, name, usage] of listed)
      expect((await run(name, '--help')).out.split('\n')[0]).toBe(`Usage: pointsman ${name} ${usage}`);
  });

  it.each([
    [['trian'], /unknown command 'trian'.*Did you mean train\?.*pointsman --help/s],
    [['train', 'x.jsonl'], /required option '-o, --out <folder>'.*pointsman train --help/s],
    [['train', 'x.jsonl', '-o', 'm', '--seed', '-1'], /whole number of 0 or more/],
    [['train', 'x.jsonl', '-o', 'm', '--split-by', 'luck'], /Allowed choices are random, time/],
    [['train', 'x.jsonl', '-o', 'm', '--map', 'txt=prompt'], /field is one of: requestId/],
    [['route', 'm'], /give a prompt \(- reads it from standard input\), or --messages/],
    [['train', 'x.jsonl', '--dry-run', '--append'], /required option '-o, --out <folder>'/],
    [['route', 'm', 'x', '--messages', 'y'], /not both/],
    [['route', 'm', 'x', '--max-cost', 'cheap'], /a number above 0/],
    [['route', 'm', 'x', '--min-success', '2'], /a number from 0 to 1/],
    [['inspect'], /missing required argument 'folder'/],
  ])('is not %j, which exits with 2', async (argv, message) => {
    const { code, err, out: printed } = await run(...argv);
    expect(code).toBe(2);
    expect(printed).toBe('');
    expect(err).toMatch(message);
  });
});

describe('an error', () => {
  it.each([
    [['route', path('nowhere'), 'x', '--json'], 1, 'ARTIFACT', /There is no router in/],
    [['inspect', path('nowhere'), '--json'], 1, 'ARTIFACT', /There is no router in/],
    [['ingest', 'nowhere.jsonl', '-o', path('x.parquet'), '--json'], 1, 'INVALID_INPUT', /There is no file/],
    [['route', '--json', '--bogus'], 2, 'USAGE', /unknown option '--bogus'/],
    [['retrain', '--json'], 2, 'USAGE', /required option/],
  ])('of %j is JSON on standard output, with its code', async (argv, exitCode, code, message) => {
    const { code: exited, err, out: printed } = await run(...argv);
    expect(exited).toBe(exitCode);
    expect(err).toBe('');
    expect(JSON.parse(printed).error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(JSON.parse(printed).error.message).not.toMatch(/^error: |--help/);
  });

  it.each([
    [['train', 'nowhere.jsonl', '-o', out], /^There is no file "nowhere\.jsonl"/],
    [['route', path('nowhere'), 'x'], /^There is no router in .*nowhere/],
    [['inspect', path('nowhere')], /^There is no router in/],
    [['route', out, '--messages', path('nowhere.json')], /nowhere\.json cannot be read/],
    [['train', 'x.jsonl', '-o', out, '--embedder', 'word2vec'], /`--embedder` must be static, use/],
    [['train', 'x.jsonl', '-o', out, '--embedder', 'openai:mine'], /dimensions: <number>/],
    [['train', 'x.jsonl', '-o', out, '--heads', 'lineal'], /`heads\.0` of the training config/],
    [['train', 'x.jsonl', '-o', out, '--config', path('nowhere.yaml')], /The config cannot be read/],
    [['train', 'x.jsonl', '-o', out, '--config', write('list.yaml', '- 1')], /must be fields and values/],
    [
      ['train', 'x.jsonl', '-o', out, '--config', write('sead.yaml', 'sead: 1')],
      /`sead` is no field of the training config\. Did you mean seed\? It has: seed, candidates, /,
    ],
    [
      ['train', 'x.jsonl', '-o', out, '--config', write('policyy.yaml', 'policyy: {}')],
      /`policyy` is no field of the training config\. Did you mean policy\?/,
    ],
    [
      [
        'train',
        'x.jsonl',
        '-o',
        out,
        '--config',
        write('deep.yaml', 'candidates: { a: { contextWindow: 3 } }'),
      ],
      /`candidates\.a\.contextWindow` is no field of .*`candidates\.a` has: inputPricePerMillionTokens, /,
    ],
    [
      ['train', 'x.jsonl', '-o', out, '--config', write('logs.yaml', 'logs: { formats: otel }')],
      /`logs\.formats` is no field of the training config\. Did you mean format\? `logs` has: map, score, /,
    ],
    [
      ['retrain', '--config', write('gates.yaml', 'router: m\nlogs: { files: [x.jsonl] }\ngates: {}')],
      /`gates` is no field of the retraining config\. Did you mean gate\?/,
    ],
    [
      ['train', 'x.jsonl', '-o', out, '--config', path('nowhere.yaml')],
      /nowhere\.yaml: there is no such file\.$/m,
    ],
    [['route', out, '--messages', path('.')], /cannot be read: it is a folder\./],
    [['ingest', 'x.jsonl', '-o', path('z.txt')], /must end in \.parquet.*Got ".*z\.txt"/],
    [['train', 'x.jsonl', '-o', out, '--name', '../x'], /router's name must be 1 to 64 letters/],
    [['train', 'x.jsonl', '-o', out, '--prices', write('p.yaml', 'a: 1')], /`a` of .*p\.yaml/],
  ])('of %j is a sentence, without a stack, and exits with 1', async (argv, message) => {
    const {
      code,
      err,
      out: printed,
    } = await run(...argv, ...(argv[0] === 'train' ? ['--work', path('work')] : []));
    expect(code).toBe(1);
    expect(printed).toBe('');
    expect(err).toMatch(message);
    expect(err.trim().split('\n')).toHaveLength(1);
  });

  it('shows where it came from with --debug', async () => {
    expect((await run('inspect', path('nowhere'), '--debug')).err).toMatch(/^ArtifactError: .*\n +at /m);
    expect((await run('--debug', 'inspect', path('nowhere'))).err).toMatch(/^ArtifactError: .*\n +at /m);
  });

  it('that nobody foresaw says how to see more', async () => {
    const io = capturedIo({
      stdin: () => Promise.reject(new TypeError('the pipe is gone')),
    });
    expect(await main(['route', out, '-'], io)).toBe(1);
    expect(io.said.err).toBe('Unexpected error: the pipe is gone\nRun it again with --debug to see where.\n');
  });
});

describe('traffic that nothing can be learned from', () => {
  const rows = plantedRows({ prompts: 80, seed: 1 });
  const onlyPrompts = (count: number) =>
    rows.filter(({ requestId }) => Number(String(requestId).slice(1)) < count);

  it.each([
    ['no usable row', rows.map(({ candidate, ...rest }) => rest), /There is no usable row in/],
    [
      'no quality',
      rows.map((row) => ({ ...row, quality: null })),
      /`quality`, 0 to 1\. None of 80 prompts has it/,
    ],
    [
      'one candidate',
      rows.filter(({ candidate }) => candidate === 'poet'),
      /at least 2 candidates .* Got 1: poet/,
    ],
    ['few prompts', onlyPrompts(30), /at least 50 prompts with a quality score, .* Got 30/],
    [
      'one prompt again and again',
      rows.map((row) => ({ ...row, text: 'What is the time?' })),
      /Each split needs at least 8 prompts\. Got/,
    ],
  ])('(%s) is refused with what it lacks', async (_, bad, message) => {
    const { code, err } = await train(bad);
    expect(code).toBe(1);
    expect(err).toMatch(message);
    expect(err).not.toContain('--fit-sample');
    expect(existsSync(out)).toBe(false);
  });

  it('is found at its first bad row with --strict', async () => {
    const { code, err } = await train(
      [...rows.slice(0, 4), { ...rows[4], quality: 7 }, ...rows.slice(5)],
      '--strict',
    );
    expect(code).toBe(1);
    expect(err).toMatch(/rows\.jsonl.*5/);
  });

  it('is refused by time when it has no times', async () => {
    const { err } = await train(
      rows.map(({ timestamp, ...rest }) => rest),
      '--split-by',
      'time',
    );
    expect(err).toMatch(/`timestamp` of every prompt must be given to split by time/);
  });

  it('is told of when part of it is bad', async () => {
    const mixed = rows.map((row, i) => (i % 10 === 0 ? { ...row, quality: 'so-so' } : row));
    const stopped = await train(mixed, '--dry-run');
    expect(stopped).toMatchObject({ code: 1, out: '' });
    expect(stopped.err).toMatch(/24 of 240 rows \(10 %\) were rejected for one reason/);
    const { code, err } = await train(mixed, '--dry-run', '--max-rejected', '0.1');
    expect(code).toBe(0);
    expect(err).toMatch(/24 of 240 rows could not be used/);
  });
});

describe('the folder of a router', () => {
  const version = path('models/support/v-0123456789ab');
  const cases: [string, () => string, RegExp][] = [
    [
      'a file',
      () => write('taken', ''),
      /cannot be written to .*taken, since .*taken is a file\. Give the folder/,
    ],
    ['below a file', () => join(write('taken', ''), 'support'), /since .*taken is a file/],
    [
      'one version of a router',
      () => version,
      /is one version of a router.*Give the folder of the router: .*support\.$/m,
    ],
    ['inside a version', () => join(version, 'deep', 'er'), /is one version of a router/],
  ];
  if (process.platform !== 'win32' && process.getuid?.() !== 0) {
    const closed = path('closed');
    cases.push([
      'one that may not be written to',
      () => {
        mkdirSync(closed, { mode: 0o500 });
        return join(closed, 'support');
      },
      /this user may not write there \(EACCES\)/,
    ]);
  }

  it.each(cases)(
    'is not %s: which is said before anything is read, also in a rehearsal',
    async (_, folder, message) => {
      mkdirSync(version, { recursive: true });
      write('models/support/v-0123456789ab/manifest.json', '{"digest":"sha256-0","heads":{}}');
      const given = folder();
      for (const more of [[], ['--dry-run']]) {
        const { code, err } = await run(
          'train',
          'nowhere.jsonl',
          '--out',
          given,
          '--work',
          path('work'),
          ...more,
        );
        expect([code, err]).toEqual([1, expect.stringMatching(message)]);
      }
    },
  );

  it('may lie beside the manifest of another program', async () => {
    write('manifest.json', '{"name":"A browser extension"}');
    const { err } = await run('train', 'nowhere.jsonl', '--out', path('models/fine'), '--work', path('work'));
    expect(err).toMatch(/^There is no file "nowhere\.jsonl"/);
  });
});

it('a rehearsal needs no folder of a router, and makes none', async () => {
  const file = await writeRows(path('rehearsed.jsonl'), plantedRows({ prompts: 80, seed: 1 }));
  const work = path('rehearsal-work');
  const { code, out: said } = await run('train', file, '--dry-run', '--work', work, '--quiet');
  expect([code, said]).toEqual([0, expect.stringMatching(/prompts to fit/)]);
  expect(existsSync(join(work, 'rehearsal'))).toBe(false);
});

describe('a retraining', () => {
  const config = (name: string, files: string) =>
    write(
      name,
      `router: ${path('models/nope')}\nlogs: { files: ['${files}'] }\nwork: ${path('retrain-work')}\n`,
    );

  it('of a folder without a router says so, and names those beside it', async () => {
    mkdirSync(path('models/support/v-0123456789ab'), { recursive: true });
    write('models/support/v-0123456789ab/manifest.json', '{}');
    const given = config('nope.yaml', path('logs-*.jsonl'));
    const { code, err, out: said } = await run('retrain', '--config', given, '--quiet', '--dry-run');
    expect(code).toBe(3);
    expect(err).toContain(
      `Note: there is no router in ${path('models/nope')}; beside it there is support. A run makes the first version there; if the name is wrong, correct \`router\` in ${given}.\n`,
    );
    const words = said.replaceAll(/\s+/g, ' ');
    expect(words).toMatch(
      /^Kept: there is no log to learn from\. There is no file that fits ".*logs-\*\.jsonl"/,
    );
    expect(words).toContain(
      'This was a rehearsal (--dry-run): nothing that routes was changed, and the store has no new row.',
    );
    expect((await run('retrain', '--config', given, '--quiet')).out).not.toContain('rehearsal');
  });

  it('of a log that has a name and is not there fails', async () => {
    const { code, err } = await run(
      'retrain',
      '--config',
      config('named.yaml', path('named.jsonl')),
      '--quiet',
    );
    expect([code, err]).toEqual([1, expect.stringMatching(/There is no file ".*named\.jsonl"/)]);
  });
});

it('a rehearsal finds a policy that names a candidate which the traffic does not have', async () => {
  const config = write(
    'policy.yaml',
    'policy: { kind: threshold, strong: gone, weak: large, threshold: 0.5 }\n',
  );
  const rows = plantedRows({ prompts: 80, seed: 1 });
  const { code, err } = await train(rows, '--dry-run', '--config', config);
  expect(code).toBe(1);
  expect(err).toContain('gone');
});

it('writes nothing where the work folder cannot be made', async () => {
  const file = await writeRows(path('rows.jsonl'), plantedRows({ prompts: 60, seed: 1 }));
  const { code, err } = await run(
    'train',
    file,
    '--out',
    out,
    '--work',
    join(write('a-file', ''), 'work'),
    '-q',
  );
  expect(code).toBe(1);
  expect(err).toMatch(/ENOTDIR|EEXIST/);
});

it('says what the system or DuckDB said of a file as a sentence, and what to do as another', async () => {
  for (const args of [
    ['ingest', write('damaged.parquet', 'x'), '--out', path('o.parquet')],
    ['ingest', write('rows.jsonl', ''), '--append', '--out', path('damaged.parquet')],
    ['log', 'compact', path('not-there')],
    ['log', 'compact', path('damaged.parquet')],
    ['ingest', path('damaged'), '--format', 'pointsman', '--out', path('o.parquet')],
  ]) {
    mkdirSync(path('damaged'), { recursive: true });
    write('damaged/decisions-20261130T185813868Z-0.parquet', 'x');
    const { code, err } = await run(...args);
    expect(code, args.join(' ')).toBe(1);
    expect(err).not.toMatch(/(file|') (Write|Give|Bring|Name|Make)/);
  }
});

it('says that a sample is too small, and how it is made larger, where a log might have enough', async () => {
  const ofCopies = plantedRows({ prompts: 500, seed: 1 }).map((row, i) => ({
    ...row,
    text: `What is the time in the town of number ${Math.floor(i / 8) % 40}?`,
  }));
  for (const rows of [
    ofCopies,
    plantedRows({ prompts: 500, seed: 1 }).map((row) => ({ ...row, quality: null })),
  ]) {
    const { code, err } = await train(rows, '--store', path('shards'), '--fit-sample', '100');
    expect(code).toBe(1);
    expect(err).toMatch(
      / This is said of the \d+ of \d+ prompts that were drawn: a larger --fit-sample draws more\.\n$/,
    );
  }
});
