import { Writable } from 'node:stream';
import { SingleBar } from 'cli-progress';
import { largest } from 'pointsman/internal';
import type { EngineProgress } from '../../engine/engine.ts';
import type { TrainProgress } from '../../train/training-run.ts';
import { shortNames } from '../../words.ts';

/** Tells a person how far a long command is. */
interface Progress {
  /**
   * A step begins, or goes on. A step that is named anew ends the one before.
   * @param share done of it, 0 to 1; undefined where that is not known.
   * @param detail said beside it: a loss, a count.
   */
  update(step: string, share?: number, detail?: string): void;
  /** Ends the last step. May be called twice. */
  stop(): void;
}

/**
 * Bars with the time left on a terminal, of which a line with the time taken stays; elsewhere a line as each step
 * begins. Goes to standard error.
 */
export function createProgress(io: CommandIo, quiet: boolean): Progress {
  if (quiet) return { update: () => {}, stop: () => {} };
  return io.isTTY ? bars(io) : lines(io);
}

function lines(io: CommandIo): Progress {
  let current: string | null = null;
  return {
    update(step) {
      if (step !== current) io.stderr(`${step}\n`);
      current = step;
    },
    stop() {
      current = null;
    },
  };
}

function bars(io: CommandIo): Progress {
  let current: { step: string; started: number; bar: SingleBar } | null = null;
  const stop = () => {
    if (current === null) return;
    const { bar, started, step } = current;
    bar.stop();
    current = null;
    const line = `${step}, ${seconds((performance.now() - started) / 1000)}`;
    io.stderr(`${cut(line, io.columns)}\n`);
  };
  return {
    update(step, share = 0, detail) {
      // Whoever counts may count a little too much.
      const done = share > 0 ? Math.min(1, share) : 0;
      if (current?.step !== step) {
        stop();
        current = { step, started: performance.now(), bar: createBar(io) };
        current.bar.start(1, 0, { step });
      }
      current.bar.update(done, { step, share: done, detail });
    },
    stop,
  };
}

interface Shown {
  readonly step: string;
  /** 0 where it is not known. */
  readonly share?: number;
  readonly detail?: string;
}

function createBar(io: CommandIo): SingleBar {
  return new SingleBar({
    stream: terminal(io),
    clearOnComplete: true,
    // Its own handling would swallow the first Ctrl-C, and leave a killed terminal without line wrapping.
    gracefulExit: false,
    linewrap: true,
    format: (_options, { startTime }, shown: Shown) =>
      cut(barLine(shown, (Date.now() - startTime) / 1000, io.columns), io.columns - 1),
  });
}

/** cli-progress writes to a stream; ours ends in the command's io. */
function terminal(io: CommandIo): NodeJS.WritableStream {
  const stream = new Writable({
    decodeStrings: false,
    write(chunk, _encoding, done) {
      io.stderr(String(chunk));
      done();
    },
  });
  return Object.assign(stream, { isTTY: true, columns: io.columns });
}

function barLine({ step, share = 0, detail }: Shown, elapsed: number, columns: number): string {
  const parts = detail === undefined ? [] : [detail];
  if (share === 0) return [step, seconds(elapsed), ...parts].join(' · ');
  const width = Math.max(10, Math.min(30, columns - step.length - 40));
  const full = Math.round(share * width);
  const bar = '█'.repeat(full) + '░'.repeat(width - full);
  const left = `${seconds((elapsed / share) * (1 - share))} left`;
  return [`${step} ${bar} ${Math.floor(100 * share)} %`, left, ...parts].join(' · ');
}

function seconds(value: number): string {
  if (value < 10) return `${value.toFixed(1)} s`;
  return value < 90 ? `${Math.round(value)} s` : `${Math.round(value / 60)} min`;
}

function cut(line: string, columns: number): string {
  return line.length > columns ? `${line.slice(0, columns - 1)}…` : line;
}

/** What a command may touch of the terminal, so that tests can stand in for it. */
export interface CommandIo {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** All of standard input, once it has ended. */
  readonly stdin: () => Promise<string>;
  /** Whether standard error is a terminal, where a progress bar can be drawn. */
  readonly isTTY: boolean;
  /** Width that text is wrapped to, in characters. */
  readonly columns: number;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Ends a command with a code of its own, after it has said what there is to say. */
export class ExitCode extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`Ends with ${exitCode}.`);
    this.exitCode = exitCode;
  }
}

const PLAIN_COLUMNS = 100;

/** The streams and the environment of this process. A reader that hangs up (`| head`) ends it without a word. */
export function processIo(): CommandIo {
  const { stdin, stdout, stderr, env } = process;
  for (const stream of [stdout, stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(0);
      throw error;
    });
  }
  return {
    stdout: (text) => void stdout.write(withoutControls(text)),
    stderr: (text) => void stderr.write(withoutControls(text)),
    async stdin() {
      const chunks: Buffer[] = [];
      for await (const chunk of stdin) chunks.push(Buffer.from(chunk));
      return Buffer.concat(chunks).toString('utf8');
    },
    isTTY: stderr.isTTY === true,
    columns: Math.max(60, Math.min(stdout.columns ?? stderr.columns ?? PLAIN_COLUMNS, 120)),
    env,
  };
}

/** Names and words of logs are printed too, and must not steer a terminal. Nothing of our own does. */
function withoutControls(text: string): string {
  return text.replace(/(?![\n\t])\p{Cc}/gu, '\u{fffd}');
}

/** Shows what training is at. */
export function showTraining(progress: Progress): (event: TrainProgress) => void {
  return (event) => {
    switch (event.kind) {
      case 'read':
        return progress.update('reading', event.bytesRead / Math.max(1, event.bytesTotal));
      case 'embed': {
        const { cached, done, total } = event;
        const from = cached > 0 ? `, ${cached.toLocaleString('en-US')} from the cache` : '';
        return progress.update(
          `embedding ${total.toLocaleString('en-US')} prompts${from}`,
          done / Math.max(1, total),
        );
      }
      case 'shards':
        return progress.update(
          SHARD_STEPS[event.step] ?? event.step,
          event.done / event.total,
          shardsLine(event),
        );
      case 'step':
        if (event.folds === null) return progress.update(event.what);
        return progress.update(
          event.what,
          event.folds.fold / event.folds.folds,
          `loss ${event.folds.loss.toFixed(4)}`,
        );
    }
  };
}

/** What the steps on shards are called on a terminal. */
export const SHARD_STEPS: Readonly<Record<string, string>> = {
  look: 'looking at shards',
  stage: 'reading shards',
  embed: 'embedding shards',
  featurise: 'computing features of shards',
  group: 'naming prompts of shards',
  pair: 'finding near-duplicates across shards',
  draw: 'drawing from shards',
  measure: 'measuring on shards',
  ridge: 'adding up features of shards',
  gradient: 'fitting heads on all shards',
  sketch: 'calibrating heads on all shards',
  sum: 'adding up shards',
};

function shardsLine({ done, known, perSecond, total, workers }: EngineProgress): string {
  const parts = [`${done} of ${total} shards`];
  if (known > 0) parts.push(`${known} done before`);
  if (perSecond !== null) parts.push(`${perSecond.toPrecision(2)} a second`);
  if (workers !== null) parts.push(workers === 1 ? '1 worker' : `${workers} workers`);
  return parts.join(', ');
}

export interface TextColumn {
  readonly title: string;
  /** Numbers stand to the right. @default 'left' */
  readonly align?: 'left' | 'right';
  /**
   * Whether its cells may be cut where the table is too wide: text at its end; names so that they stay different, in full
   * under the table. @default not at all
   */
  readonly shrinks?: 'text' | 'names';
}

const GAP = '  ';
const NARROWEST = 8;

/**
 * A table of plain text that fits the terminal: columns that may shrink are cut, widest first.
 * @param rows `[rows][columns]`
 */
export function textTable(
  columns: readonly TextColumn[],
  rows: readonly (readonly string[])[],
  width: number,
): string {
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => row.map(printable))];
  const widths = columns.map((_, c) => largest(cells.map((row) => length(row[c]))));
  let over = widths.reduce((sum, one) => sum + one, GAP.length * (columns.length - 1)) - width;
  while (over > 0) {
    const c = widestOf(columns, widths);
    if (c === -1) break;
    widths[c]--;
    over--;
  }
  const names = columns.map(({ shrinks }, c) =>
    shrinks === 'names'
      ? shortNames(
          cells.slice(1).map((row) => row[c]),
          widths[c],
        )
      : new Map<string, string>(),
  );
  const lines = cells.map((row) =>
    row
      .map((cell, c) => fit(names[c].get(cell) ?? cell, widths[c], columns[c].align ?? 'left'))
      .join(GAP)
      .trimEnd(),
  );
  const inFull = names.flatMap((short, c) =>
    [...short]
      .filter(([name, own]) => own !== name)
      .map(([name, own]) => `  ${own.padEnd(widths[c])}${GAP}${name}`),
  );
  return [...lines, ...(inFull.length > 0 ? ['In full:', ...inFull] : [])]
    .map((line) => `${line}\n`)
    .join('');
}

function widestOf(columns: readonly TextColumn[], widths: readonly number[]): number {
  let widest = -1;
  columns.forEach(({ shrinks }, c) => {
    if (shrinks && widths[c] > NARROWEST && (widest === -1 || widths[c] > widths[widest])) widest = c;
  });
  return widest;
}

function fit(cell: string, width: number, align: 'left' | 'right'): string {
  const short = length(cell) > width ? `${[...cell].slice(0, width - 1).join('')}…` : cell;
  const padding = ' '.repeat(width - length(short));
  return align === 'right' ? padding + short : short + padding;
}

function length(text: string): number {
  return [...text].length;
}

/**
 * A text from outside on one line of a terminal: line breaks and runs of white space become a space, and control
 * characters, which could move the cursor or change colours, a replacement sign.
 */
export function printable(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/[\p{Cc}\p{Cf}]/gu, '\ufffd');
}

/** A path as a shell takes it: in quotes where it needs them. */
export function quoted(path: string): string {
  return /^[\w./\\:@+-]+$/.test(path) ? path : `"${printable(path).replace(/(["$`])/g, '\\$1')}"`;
}

/** US dollars, often of 1,000 requests, since those of one can be millionths: "$0.0123"; "–" where nothing is known. */
export function formatAmountUsd(usd: number | null): string {
  return usd === null ? '–' : `$${threeDigits(usd)}`;
}

/** "0.0720 ms", "1,230 ms", "–" where nothing is known. */
export function formatAmountMs(ms: number | null): string {
  return ms === null ? '–' : `${threeDigits(ms)} ms`;
}

/** "480 B", "12.3 kB", "4.1 MB". */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function threeDigits(value: number): string {
  if (value === 0) return '0';
  if (value < 1e-5) return value.toExponential(2);
  if (value >= 100) return Math.round(value).toLocaleString('en-US');
  return value.toPrecision(3);
}

/** Breaks a text between words so that no line is longer than `columns`, but for a word that is. */
export function wrapText(text: string, columns: number, indent = ''): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].map((one, i) => (i === 0 ? one : indent + one)).join('\n');
}
