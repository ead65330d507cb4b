import { isDeepStrictEqual } from 'node:util';
import { Document, parse } from 'yaml';
import type { ConfigLine } from '../first-config/config-lines.ts';
import { printable } from './printable.ts';
import { wrapText } from './wrap-text.ts';

/** What stands over a part of the file. */
const SECTIONS: Readonly<Record<string, string>> = {
  logs: 'How the log is read.',
  map: 'Fields, and your names of them.',
  candidates: 'Prices in US dollars per million tokens.',
  train: 'As in the config of pointsman train.',
};
const WIDTH = 110;

interface Branch {
  line?: ConfigLine;
  readonly below: Map<string, Branch>;
}

/**
 * A config file with a comment over each line that says why it is there; what is not taken is a comment itself.
 * @param head lines of the comment that it begins with
 */
export function configYaml(head: readonly string[], lines: readonly ConfigLine[]): string {
  const root: Branch = { below: new Map() };
  for (const line of lines) {
    let branch = root;
    for (const name of line.path) {
      const next = branch.below.get(name) ?? { below: new Map() };
      branch.below.set(name, next);
      branch = next;
    }
    branch.line = line;
  }
  const parts = [...root.below].map(([name, branch]) => branchText(name, branch, '', false));
  const text = [head.map((line) => `# ${printable(line)}`).join('\n'), ...parts].join('\n\n').concat('\n');
  checkReadsBack(text, lines);
  return text;
}

/** @param isOut whether what it hangs on is a comment, so that it must be one too */
function branchText(name: string, { below, line }: Branch, indent: string, isOut: boolean): string {
  // What hangs on a comment is moved in behind its sign, so that it fits once the signs are taken away.
  const inner = isOut ? `${indent.slice(0, -2)}#   ` : indent;
  if (line !== undefined) {
    const text = keyed(name, line.value);
    const isTaken = line.state === 'taken';
    const shown = isTaken ? prefixed(text, indent) : prefixed(text, isOut ? inner : `${indent}# `);
    return `${comment(line.because, indent)}\n${shown}`;
  }
  const isAllOut = isOut || !hasTaken(below);
  const over = name in SECTIONS ? `${comment(SECTIONS[name], indent)}\n` : '';
  const key = `${isOut ? inner : isAllOut ? `${indent}# ` : indent}${keyed(name, null).replace(/ ?null$/, '')}`;
  const held = [...below].map(([each, branch]) => branchText(each, branch, `${indent}  `, isAllOut));
  return `${over}${key}\n${held.join('\n')}`;
}

function hasTaken(below: ReadonlyMap<string, Branch>): boolean {
  return [...below.values()].some(({ below: further, line }) => line?.state === 'taken' || hasTaken(further));
}

/** One key and its value. What readers of YAML 1.1 would take for a number or a yes is put in quotes too. */
function keyed(name: string, value: unknown): string {
  const document = new Document({}, { compat: 'yaml-1.1' });
  document.set(name, document.createNode(value, { flow: true }));
  return document.toString({ lineWidth: 0, blockQuote: false, doubleQuotedAsJSON: true }).trimEnd();
}

function prefixed(text: string, prefix: string): string {
  return text
    .split('\n')
    .map((line) => prefix + line)
    .join('\n');
}

function comment(text: string, indent: string): string {
  return prefixed(wrapText(printable(text), WIDTH - indent.length - 2), `${indent}# `);
}

/** @throws Error where the file would not say what it is meant to say */
function checkReadsBack(text: string, lines: readonly ConfigLine[]): void {
  const read = parse(text) as unknown;
  for (const { path, state, value } of lines) {
    if (state !== 'taken') continue;
    const found = path.reduce<unknown>((held, name) => (held as Record<string, unknown>)?.[name], read);
    if (!isDeepStrictEqual(found, value)) throw new Error(`\`${path.join('.')}\` would not be read back.`);
  }
}
