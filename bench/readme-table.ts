import { readdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { BenchLine } from './bench-line.ts';

const RESULTS = fileURLToPath(new URL('results/', import.meta.url));
const README = fileURLToPath(new URL('../README.md', import.meta.url));
const MARKED = /(<!-- measured:[^>]*-->\n)[\s\S]*?(<!-- end of measured -->)/;
/** The order of `npm run bench`. */
const ORDER = ['quality', 'no-harm', 'guarantee', 'decision', 'policy', 'embedder', 'fit', 'ingest'];

export interface BenchResult {
  readonly date: string;
  readonly machine: string;
  readonly lines: readonly (Omit<BenchLine, 'value'> & { readonly value: number | null })[];
}

/** Measured lines with a target as a Markdown table, then where and when they were measured. */
export function readmeTable(results: ReadonlyMap<string, BenchResult>): string {
  const names = [...results.keys()].sort((a, b) => place(a) - place(b) || a.localeCompare(b));
  if (names.length === 0) return 'Nothing is measured yet: `npm run bench`.\n';
  const rows: string[] = [];
  const made = new Set<string>();
  for (const name of names) {
    const { date, machine, lines } = results.get(name)!;
    made.add(`${machine}, ${date}`);
    for (const { name: what, value, unit, target, met, note } of lines) {
      if (target === null || value === null) continue;
      const verdict = met === true ? 'yes' : met === false ? '**no**' : '';
      rows.push(
        `| ${[what, shown(value, unit), `${target} ${unit}`.trim(), verdict, note].map(cell).join(' | ')} |`,
      );
    }
  }
  const head = ['| what | measured | target | met | on |', '|---|---|---|---|---|'];
  return `${[...head, ...rows].join('\n')}\n\nMeasured by \`npm run bench\` on: ${[...made].join('; ')}.\n`;
}

/** Puts the table between the markers of a text. @throws Error when there are none */
export function putTable(text: string, table: string): string {
  if (!MARKED.test(text))
    throw new Error('README.md must have the markers "measured:" and "end of measured".');
  return text.replace(MARKED, (_, start, end) => `${start}${table}${end}`);
}

export async function readResults(): Promise<Map<string, BenchResult>> {
  const files = await readdir(RESULTS).catch(() => []);
  const results = new Map<string, BenchResult>();
  for (const file of files.filter((name) => name.endsWith('.json')).sort()) {
    results.set(file.replace(/\.json$/, ''), JSON.parse(await readFile(RESULTS + file, 'utf8')));
  }
  return results;
}

function place(name: string): number {
  const at = ORDER.indexOf(name);
  return at === -1 ? ORDER.length : at;
}

function shown(value: number, unit: string): string {
  const rounded = Number(value.toPrecision(3));
  return `${rounded.toLocaleString('en-US', { maximumSignificantDigits: 3 })} ${unit}`.trim();
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const results = await readResults();
  await writeFile(README, putTable(await readFile(README, 'utf8'), readmeTable(results)));
  console.log(`README.md now shows: ${[...results.keys()].join(', ') || 'nothing'}`);
}
