import { describe, expect, it, vi } from 'vitest';
import { LOG_FORMATS } from '../../training/ingest/formats/log-formats.ts';
import { ingestOutcomes } from '../../training/ingest/ingest.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { tableRows } from '../training/ingest/formats/log-fixture.ts';
import { lines } from '../training/ingest/ingest-fixture.ts';
import { sourceFiles } from './source-files.ts';

/**
 * CONTRIBUTING says which files a column of outcomes, a log format and a learner take. Here the names of those that are there
 * are looked for in all sources of training: a place that would have to be edited too is a file more. Columns that there are
 * not are followed from a row to the matrix.
 */

interface Words {
  readonly path: string;
  readonly identifiers: ReadonlySet<string>;
  /** Texts in quotes, also those of imports. */
  readonly literals: ReadonlySet<string>;
}

/** Comments, texts in quotes, and identifiers, also inside templates; what stands behind a bar is of a regular expression. */
const TOKEN = /\/\*[\s\S]*?\*\/|\/\/.*|'((?:[^'\\\n]|\\.)*)'|(?<![\w$|])([A-Za-z_$][\w$]*)/g;

/** What code names, without comments, and without the commands that a help text shows. */
function wordsOf(path: string, text: string): Words {
  const tokens = [...text.replace(/^\s*\$ npx .*$/gm, '').matchAll(TOKEN)];
  const given = (group: number) => new Set(tokens.flatMap((token) => token[group] ?? []));
  return { path, literals: given(1), identifiers: given(2) };
}

const training = sourceFiles('training').map(({ path, text }) => wordsOf(path, text));

/** Whether code has the format's name as a key, a literal, an import, or the beginning of an identifier (`weaveLog`). */
function namesFormat({ identifiers, literals }: Words, name: string): boolean {
  const isOf = (identifier: string): boolean =>
    identifier.startsWith(name) && !/^[a-z]/.test(identifier.slice(name.length));
  return literals.has(name) || literals.has(`./${name}.ts`) || [...identifiers].some(isOf);
}

describe('a log format', () => {
  // These words have other meanings too: rows of one's own, a client and an embedder, this package, what is preferred.
  const others: readonly string[] = ['table', 'openai', 'pointsman', 'preferences'];

  it.each(LOG_FORMATS.filter((name) => !others.includes(name)))(
    '%s is named in its own file and in the table of formats, and nowhere else',
    (name) => {
      const files = training.filter((words) => namesFormat(words, name)).map(({ path }) => path);
      expect(files).toEqual(
        [`training/ingest/formats/${name}.ts`, 'training/ingest/formats/log-formats.ts'].sort(),
      );
    },
  );

  it('would be found wherever code names it', () => {
    const isFound = (text: string) => namesFormat(wordsOf('some.ts', text), 'weave');
    const named = ['x = { weave: 1 };', "x = a === 'weave';", "import './weave.ts';", 'weaveLog.read();'];
    expect(named.filter((text) => !isFound(text))).toEqual([]);
    const others = ['/** As weave does. */', "x = 'look into weave first';", 'weaver();'];
    expect(others.filter(isFound)).toEqual([]);
  });
});

/** A format's own file says where its log has a column. */
const PASSED_BY_ALL = /^training\/(outcomes|ingest(?!\/formats))\//;

/** Whether code, SQL in texts too, has the word. */
function mentions({ identifiers, literals }: Words, word: string): boolean {
  const pattern = new RegExp(`(?<![\\w$])${word}(?![\\w$])`);
  return identifiers.has(word) || [...literals].some((literal) => pattern.test(literal));
}

describe('a column of outcomes', () => {
  const { path, write } = temporaryFolder();
  const row = { requestId: 'a', text: 'Where is it?', candidate: 'small', quality: 1 };

  /** Training as it is with two columns more, each a line of the table and nothing else. */
  async function withColumns(out: string) {
    vi.resetModules();
    const { OUTCOME_COLUMNS } = await import('../../training/outcomes/columns.ts');
    const { latencyMs, text } = OUTCOME_COLUMNS;
    Object.assign(OUTCOME_COLUMNS, {
      reply: { ...text, of: 'answer', aliases: ['reply', 'reply_text'], isLater: true },
      retries: {
        ...latencyMs,
        must: 'be a number from 0 to 100',
        range: { least: 0, most: 100 },
        aliases: ['retries', 'n_retries'],
        matrix: 'where given',
        isLater: true,
      },
    });
    const { ingestOutcomes } = await import('../../training/ingest/ingest.ts');
    const { readOutcomeMatrix } = await import('../../training/ingest/outcome-store.ts');
    return {
      ...(await import('../../training/outcomes/matrix.ts')),
      ...(await import('../../training/outcomes/outcome.ts')),
      read: readOutcomeMatrix as (table: string) => Promise<object>,
      ingest: (content: string, options: object = {}) =>
        ingestOutcomes({ files: [write('rows.jsonl', content)], out, ...options }),
    };
  }

  /** Of each row of the table, what it has of some columns. */
  const kept = async (out: string, ...fields: string[]) =>
    (await tableRows(out)).map((each) => fields.map((field) => each[field] ?? null));

  it('is read under its aliases from rows of any form, judged, kept, and part of the matrix', async () => {
    const out = path('forms.parquet');
    const { ingest, read, takePrompts } = await withColumns(out);
    const cell = { quality: 0, reply: 'Here.', n_retries: '3' };
    const report = await ingest(
      lines([
        { ...row, reply_text: 'There.', retries: 2 },
        { ...row, requestId: 'b', retries: -1 },
        { requestId: 'c', text: 'Why?', outcomes: { small: cell, large: { quality: 1 } } },
      ]),
    );
    expect(report.rejected.map(({ reason, count }) => [reason, count])).toEqual([
      ['`retries` must be a number from 0 to 100', 1],
    ]);
    expect(report.aliases).toMatchObject({ reply: ['reply_text'], retries: ['n_retries'] });
    expect(await kept(out, 'requestId', 'candidate', 'reply', 'retries')).toEqual([
      ['a', 'small', 'There.', 2],
      ['c', 'large', null, null],
      ['c', 'small', 'Here.', 3],
    ]);
    const matrix = await read(out);
    const tables = [matrix, takePrompts(matrix as never, [1])].map(
      (each) => (each as { retries: unknown }).retries,
    );
    expect(tables).toEqual([Float32Array.of(NaN, 2, NaN, 3), Float32Array.of(NaN, 3)]);
  });

  it('is added to a table of an earlier version, whose fingerprint stays', async () => {
    const out = path('earlier.parquet');
    const before = await ingestOutcomes({ files: [write('old.jsonl', lines([row]))], out });
    const { ingest, parseOutcomeRow } = await withColumns(out);
    const same = await ingest(lines([row]), { append: true });
    expect(same.fingerprint).toBe(before.fingerprint);
    const more = await ingest(lines([{ ...row, requestId: 'b', reply: 'Here.' }]), { append: true });
    expect(more.fingerprint).not.toBe(before.fingerprint);
    expect(await kept(out, 'requestId', 'reply', 'retries')).toEqual([
      ['a', null, null],
      ['b', 'Here.', null],
    ]);
    expect(parseOutcomeRow({ ...row, reply: 7 })).toEqual({ reason: '`reply` must be a string' });
  });

  it('is redacted where it holds words, and gone where no word is to be kept', async () => {
    const out = path('words.parquet');
    const { ingest } = await withColumns(out);
    const content = lines([{ ...row, reply: 'Ask anna@mail.example', retries: 1 }]);
    await ingest(content, { redact: true });
    expect(await kept(out, 'reply', 'retries')).toEqual([['Ask [EMAIL]', 1]]);
    const embedder = { id: 'e', embed: async (texts: readonly string[]) => texts.map(() => [1, 2]) };
    await ingest(content, { keep: 'hashes', embedder });
    expect(await kept(out, 'text', 'reply', 'retries')).toEqual([[null, null, 1]]);
  });

  it('is a field that a log of another program can be mapped to', async () => {
    const out = path('mapped.parquet');
    const { ingest } = await withColumns(out);
    const call = {
      id: 'a',
      request: { model: 'mini', messages: [{ role: 'user', content: 'Where is it?' }] },
      response: { choices: [{ message: { content: 'There.' } }] },
      tries: 4,
    };
    const map = { retries: 'tries', reply: 'response.choices.0.message.content' };
    await ingest(lines([call]), { format: 'openai', map });
    expect(await kept(out, 'candidate', 'reply', 'retries')).toEqual([['mini', 'There.', 4]]);
  });

  it('is named in the table of columns, and elsewhere only by those that mean that very column', () => {
    /** Where all columns pass. A new column has no such places. */
    const others: Readonly<Record<string, string>> = {
      'latencyMs in training/ingest/log-tables.ts': 'how long a call that failed took says nothing',
      'latencyMs in training/ingest/report.ts': 'a doubt whether the times are in seconds',
      'latencyMs in training/ingest/staged-rows.ts': 'the longest time, for that doubt',
      'latencyMs in training/outcomes/matrix.ts': 'its table of cells, with its shape',
      'propensity in training/ingest/log-tables.ts': 'who answers after a fallback was not drawn',
      'propensity in training/ingest/outcome-store.ts':
        'those of candidates that were not drawn stand in the metadata',
      'propensity in training/outcomes/matrix.ts': 'its table of cells, with its shape',
      'tier in training/outcomes/matrix.ts': 'what a prompt has beside its words',
    };
    // A label, an amount and a share whose names mean nothing else.
    const found = ['tier', 'latencyMs', 'propensity'].flatMap((field) =>
      training
        .filter((words) => PASSED_BY_ALL.test(words.path) && mentions(words, field))
        .map((words) => `${field} in ${words.path}`),
    );
    const recipe = ['tier', 'latencyMs', 'propensity'].map(
      (field) => `${field} in training/outcomes/columns.ts`,
    );
    expect(found.sort()).toEqual([...Object.keys(others), ...recipe].sort());
  });
});

describe('a learner', () => {
  /** What the word means elsewhere. */
  const others: Readonly<Record<string, readonly string[]>> = {
    // The domain of an axis, in drawings.
    domain: [
      'training/report/cost-quality-figure.ts',
      'training/report/distribution-figures.ts',
      'training/retrain/run-page.ts',
    ],
    factorisation: [],
  };

  it.each([
    ['domain', 'training/learners/domain.ts'],
    ['factorisation', 'training/learners/tune-learners.ts'],
  ])('%s is named in the config, in the table of learners and where it is tuned', (name, own) => {
    const files = training
      .filter(({ identifiers, literals }) => literals.has(name) || identifiers.has(name))
      .map(({ path }) => path);
    const recipe = new Set(['training/config.ts', 'training/learners/tune-learners.ts', own]);
    expect(files.filter((path) => !others[name].includes(path)).sort()).toEqual([...recipe].sort());
  });
});
