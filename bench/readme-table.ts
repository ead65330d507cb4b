import { readdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { BenchLine } from './bench-line.ts';

const RESULTS = fileURLToPath(new URL('results/', import.meta.url));
const README = fileURLToPath(new URL('../README.md', import.meta.url));
const TARGETS = fileURLToPath(new URL('README.md', import.meta.url));
const EVERYTHING = fileURLToPath(new URL('measured.md', import.meta.url));
const MARKED = /(<!-- measured:[^>]*-->\n)[\s\S]*?(<!-- end of measured -->)/;
/** The order of the tables. */
const ORDER = [
  'quality',
  'answers',
  'no-harm',
  'small',
  'bandit',
  'off-policy',
  'onboard',
  'guarantee',
  'cost',
  'month',
  'decision',
  'policy',
  'faults',
  'gateway-faults',
  'embedder',
  'fit',
  'ingest',
  'large',
  'logs',
];
/** So many lines of one kind, such as `no harm: <set>`, are one row of the table. */
const MANY = 4;
/** What the README shows, met or missed: quality, calibration, harm, time and size. */
const README_ROWS = [
  'routed quality, llmrouter9',
  'APGR, routellm-mmlu, 7000 rows to fit',
  'ECE of gpt-4-1106-preview',
  'no harm',
  'one decision, static embedder, p50',
  'size of pointsman',
];
const HEADER = ['| what | measured | target | met |', '|---|---|---|---|'];
const NOTHING = 'Nothing is measured yet: `npm run bench`.\n';

type Line = Omit<BenchLine, 'value'> & { readonly value: number | null };

export interface BenchResult {
  readonly date: string;
  readonly machine: string;
  readonly lines: readonly Line[];
}

/** Measured lines with a target as a Markdown table; of many of one kind, the worst alone. */
export function targetTable(results: ReadonlyMap<string, BenchResult>): string {
  if (results.size === 0) return NOTHING;
  const rows = targetRows(results).map(tableRow);
  return `${[...HEADER, ...rows, ...simulationRow(results)].join('\n')}\n\nMeasured by \`npm run bench\` on: ${machines(results)}.\n`;
}

/** The README's few rows of that table, and how many of all its targets are met. */
export function readmeTable(results: ReadonlyMap<string, BenchResult>): string {
  if (results.size === 0) return NOTHING;
  const rows = targetRows(results);
  // The last of a name: calibration errors stand again under each number of rows to fit.
  const chosen = README_ROWS.map((name) =>
    rows.findLast((row) => row.name.trimStart() === name || row.name.startsWith(`${name}, the worst of`)),
  );
  const shownRows = chosen.filter((row) => row !== undefined).map(tableRow);
  const targets = rows.filter(({ target }) => target !== null);
  const met = targets.filter((row) => row.met === true).length;
  return `${[...HEADER, ...shownRows].join('\n')}\n\n${met} of ${targets.length} targets are met: [all of them](bench/README.md).\n`;
}

function targetRows(results: ReadonlyMap<string, BenchResult>): Line[] {
  return [...ordered(results)]
    .filter(([bench]) => !isSimulation(bench))
    .flatMap(([, { lines }]) => fold(withHeads(lines)));
}

function tableRow({ name, value, unit, target, met }: Line): string {
  const cells = [name, shown(value!, unit), target === null ? '' : `${target} ${unit}`.trim(), verdict(met)];
  return `| ${cells.map(cell).join(' | ')} |`;
}

/** Whether statistical promises were held against traffic that was simulated: one line for them all. */
function isSimulation(bench: string): boolean {
  return bench.startsWith('simulations-');
}

function simulationRow(results: ReadonlyMap<string, BenchResult>): string[] {
  const promises = [...results]
    .filter(([bench]) => isSimulation(bench))
    .flatMap(([, { lines }]) => lines.filter(hasTarget));
  if (promises.length === 0) return [];
  const kept = promises.filter(({ met }) => met === true).length;
  const what = '[statistical promises](measured.md) kept where traffic is simulated';
  return [`| ${what} | ${kept} of ${promises.length} | all | ${verdict(kept === promises.length)} |`];
}

/** Every line of every bench, with what it was measured on. */
export function everythingMeasured(results: ReadonlyMap<string, BenchResult>): string {
  const parts = [...ordered(results)].map(([bench, { date, machine, lines }]) => {
    const rows = lines.map(
      ({ name, value, unit, target, met, note }) =>
        `| ${[name, value === null ? '' : shown(value, unit), target === null ? '' : `${target} ${unit}`.trim(), verdict(met), note].map(cell).join(' | ')} |`,
    );
    return `## ${bench}\n\n${machine}, ${date}: \`npm run bench -- --only ${bench}\`\n\n| what | measured | target | met | on |\n|---|---|---|---|---|\n${rows.join('\n')}\n`;
  });
  return `# Everything measured\n\nWritten by \`npm run bench:table\` from \`bench/results\`; \`docs/metrics.md\` says what the figures mean.\n\n${parts.join('\n')}`;
}

/** Puts the table between the markers of a text. @throws Error when there are none */
export function putTable(text: string, table: string): string {
  if (!MARKED.test(text))
    throw new Error(
      'A page with a table of what is measured must have the markers "measured:" and "end of measured".',
    );
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

function ordered(results: ReadonlyMap<string, BenchResult>): Map<string, BenchResult> {
  return new Map([...results].sort(([a], [b]) => place(a) - place(b) || a.localeCompare(b)));
}

function place(name: string): number {
  const at = ORDER.indexOf(name);
  return at === -1 ? ORDER.length : at;
}

/** Lines with a target, each indented one below the line that says what it is of. */
function withHeads(lines: readonly Line[]): Line[] {
  const heads = new Set<Line>();
  let head: Line | undefined;
  for (const line of lines) {
    if (!line.name.startsWith(' ')) head = line;
    else if (head !== undefined && hasTarget(line)) heads.add(head);
  }
  return lines.filter((line) => hasTarget(line) || (heads.has(line) && line.value !== null));
}

function hasTarget({ value, target }: Line): boolean {
  return value !== null && target !== null;
}

/** Lines of one kind have the same words before a colon, and the same target. */
function fold(lines: readonly Line[]): Line[] {
  const kindOf = (line: Line) => `${line.name.split(':')[0]} ${line.target}`;
  return lines.flatMap((line, i) => {
    const alike = lines.filter((other) => kindOf(other) === kindOf(line));
    if (alike.length < MANY) return [line];
    return lines.indexOf(alike[0]) === i ? [worst(alike)] : [];
  });
}

function worst(lines: readonly Line[]): Line {
  const [{ name, target }] = lines;
  const low = target!.startsWith('≥');
  const value = lines.map((line) => line.value!).reduce((a, b) => (low === a < b ? a : b));
  const missed = lines.filter(({ met }) => met === false).length;
  const count = missed === 0 ? 'all within' : `${missed} of ${lines.length} missed`;
  return {
    ...lines[0],
    name: `${name.split(':')[0]}, the worst of ${lines.length} (${count})`,
    value,
    met: missed === 0,
  };
}

function machines(results: ReadonlyMap<string, BenchResult>): string {
  const made = [...ordered(results).values()].map(({ machine, date }) => `${machine}, ${date}`);
  return [...new Set(made)].join('; ');
}

function verdict(met: boolean | null): string {
  return met === null ? '' : met ? 'yes' : '**no**';
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
  await writeFile(TARGETS, putTable(await readFile(TARGETS, 'utf8'), targetTable(results)));
  await writeFile(EVERYTHING, everythingMeasured(results));
  console.log(
    `README.md, bench/README.md and bench/measured.md now show: ${[...results.keys()].join(', ') || 'nothing'}`,
  );
}
