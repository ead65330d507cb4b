import { execFile, execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

/** A cell of a notebook, as nbformat 4.5 stores it. */
export interface Cell {
  readonly cell_type: 'code' | 'markdown';
  readonly id: string;
  readonly source: readonly string[];
  readonly outputs?: readonly Output[];
  readonly execution_count?: number | null;
}

export interface Output {
  readonly output_type: 'stream' | 'display_data' | 'execute_result' | 'error';
  readonly text?: string | readonly string[];
  readonly data?: Readonly<Record<string, unknown>>;
}

export interface Notebook {
  readonly cells: readonly Cell[];
  readonly metadata: { readonly kernelspec: { readonly name: string } };
  readonly nbformat: number;
  readonly nbformat_minor: number;
}

export const NOTEBOOKS = [
  'from-log-to-router',
  'reading-a-report',
  'a-month-of-retraining',
  'the-softmax-head',
] as const;

const FOLDER = dirname(fileURLToPath(import.meta.url));

/** Seconds that one cell may take: the month of retraining is the longest. */
const CELL_SECONDS = 900;

export const notebookPath = (name: string) => join(FOLDER, `${name}.ipynb`);

/** What has to be installed before a notebook can be executed; null where all is there. */
export function missingForNotebooks(): string | null {
  if (denoProgram() === null) return 'Deno is missing: npm install --no-save --ignore-scripts deno';
  try {
    execFileSync('jupyter', ['nbconvert', '--version'], { stdio: 'ignore' });
    return null;
  } catch {
    return 'Jupyter is missing: apt-get install jupyter-nbconvert jupyter-client';
  }
}

/**
 * Executes a notebook from top to bottom in Deno's Jupyter kernel, without a browser.
 * @returns the notebook with its outputs. Times are left out, so that the same outputs give the same bytes
 * @throws what nbconvert printed, where a cell fails
 */
export async function executeNotebook(name: string): Promise<Notebook> {
  for (let times = 1; ; times++) {
    const notebook = await executeOnce(name);
    // Deno's kernel says that a cell is done before it has sent what the cell gave, and what comes too late is dropped.
    if (notebook.cells.every(hasItsFigure) || times === MOST_TIMES) return notebook;
  }
}

const MOST_TIMES = 5;

/** A cell that begins a statement with `draw(` gives a figure. */
function hasItsFigure({ outputs = [], source }: Cell): boolean {
  const draws = /^(?:draw\(|Deno\.jupyter\.svg)/m.test(source.join(''));
  return !draws || outputs.some(({ data, output_type }) => data !== undefined || output_type === 'error');
}

async function executeOnce(name: string): Promise<Notebook> {
  const folder = await mkdtemp(join(tmpdir(), 'pointsman-jupyter-'));
  try {
    const kernel = join(folder, 'kernels/deno');
    await mkdir(kernel, { recursive: true });
    const argv = [denoProgram(), 'jupyter', '--kernel', '--conn', '{connection_file}'];
    await writeFile(
      join(kernel, 'kernel.json'),
      JSON.stringify({ argv, display_name: 'Deno', language: 'typescript' }),
    );
    await promisify(execFile)(
      'jupyter',
      [
        'nbconvert',
        '--to=notebook',
        '--execute',
        `--ExecutePreprocessor.timeout=${CELL_SECONDS}`,
        '--ExecutePreprocessor.iopub_timeout=60',
        '--ExecutePreprocessor.record_timing=False',
        `--output-dir=${folder}`,
        notebookPath(name),
      ],
      { env: { ...process.env, JUPYTER_PATH: folder, NO_COLOR: '1' } },
    );
    return JSON.parse(await readFile(join(folder, `${name}.ipynb`), 'utf8'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The program inside the npm package `deno`, or null where it is not installed. */
function denoProgram(): string | null {
  const names = { linux: 'linux', darwin: 'darwin', win32: 'win32' } as const;
  const system = names[process.platform as keyof typeof names];
  const libc = system === 'linux' ? '-glibc' : '';
  const file = system === 'win32' ? 'deno.exe' : 'deno';
  try {
    return createRequire(import.meta.url).resolve(`@deno/${system}-${process.arch}${libc}/${file}`);
  } catch {
    return null;
  }
}

/** Executes the named notebooks (all without a name) and stores their outputs in them. */
async function main(names: readonly string[]): Promise<void> {
  const missing = missingForNotebooks();
  if (missing !== null) throw new Error(missing);
  for (const name of names.length > 0 ? names.map((path) => basename(path, '.ipynb')) : NOTEBOOKS) {
    const notebook = await executeNotebook(name);
    await writeFile(notebookPath(name), `${JSON.stringify(notebook, null, 1)}\n`);
    console.log(`${name}.ipynb has its outputs`);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main(process.argv.slice(2));
