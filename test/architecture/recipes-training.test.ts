import { describe, expect, it } from 'vitest';
import { LOG_FORMATS } from '../../training/ingest/formats/log-formats.ts';
import { sourceFiles } from './source-files.ts';

/**
 * CONTRIBUTING says which files a log format takes. Here the names of those that are there are looked for in all sources of
 * training: a place that would have to be edited too is a file more.
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
  // These words have other meanings too: rows of one's own, a client and an embedder, this package.
  const others: readonly string[] = ['table', 'openai', 'pointsman'];

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
