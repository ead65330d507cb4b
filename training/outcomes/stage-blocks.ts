import { blobValue, type DuckDBBlobValue, type DuckDBConnection } from '@duckdb/node-api';
import { type ScratchDatabase, VECTOR_ROWS } from '../work/scratch-database.ts';
import { mayHoldSurrogates, wellFormed } from './json-sql.ts';
import type { TextBlock } from './text-block.ts';

const BATCH_BYTES = 32 * 2 ** 20;

/** Trimming costs more than parsing, so it is kept for the few lines that do not begin like an object. */
export const IS_ROW = `CASE WHEN starts_with(doc, '{') THEN true ELSE trim(doc, ' \t\r') <> '' END`;

/** The lines of one block, from the parameters of `blockParameters`. */
export const BLOCK_LINES = `SELECT unnest(lines) AS doc, unnest(range($firstLine::BIGINT, $firstLine::BIGINT + len(lines))) AS line
  FROM (SELECT string_split(decode($bytes::BLOB), chr(10)) AS lines)`;

/** The same of a block whose lines are numbered in front: the number, a tab, the document. */
const NUMBERED_LINES = `SELECT substring(numbered, tab + 1) AS doc, substring(numbered, 1, tab - 1)::BIGINT + $firstLine AS line
  FROM (SELECT numbered, instr(numbered, chr(9)) AS tab FROM (SELECT unnest(string_split(decode($bytes::BLOB), chr(10))) AS numbered))`;

const WHOLE_DOCUMENT = `CASE WHEN ${mayHoldSurrogates('doc')} AND NOT json_valid(doc) THEN ${wellFormed('doc')} ELSE doc END`;

export interface StageBlocksOptions {
  readonly fileIndex: number;
  /** Called when rows were added, in the order of the file if `inOrder`. */
  readonly onStaged: () => Promise<void>;
  /** Whether rows must be judged in the order of the file, so that the first bad one is found first. */
  readonly inOrder: boolean;
  /** Told of a batch before it is judged: the table `documents` of that connection. @default nothing */
  readonly look?: (worker: DuckDBConnection) => Promise<void>;
  /**
   * What is still to be done to the rows of a batch of long texts, in the table of that name, before they are with the others:
   * there it would be done to too many at a time. @default nothing
   */
  readonly settle?: (worker: DuckDBConnection, table: string) => Promise<void>;
  /** Whether lines are numbered in front, counted on from the block's `firstLine`. @default false */
  readonly numbered?: boolean;
}

/**
 * Judges documents a batch at a time, on as many connections as there are threads.
 * @param judge SQL that inserts what it makes of the table `documents` (`line`, `doc`) into a table such as `staged`.
 */
export async function stageBlocks(
  database: ScratchDatabase,
  blocks: AsyncGenerator<TextBlock>,
  judge: (table: string) => string,
  { onStaged, inOrder, look = async () => {}, settle, numbered = false }: StageBlocksOptions,
): Promise<void> {
  // Planning the judgement takes as long as judging a thousand rows, so blocks gather in a table first.
  const work = async (worker: DuckDBConnection): Promise<void> => {
    for (let isLast = false; !isLast; ) {
      let [bytes, rows] = [0, 0];
      let leave: (() => void) | null = null;
      await worker.run('CREATE OR REPLACE TEMP TABLE documents (line BIGINT, doc VARCHAR)');
      const gather = await worker.prepare(
        `INSERT INTO documents SELECT line, ${WHOLE_DOCUMENT} AS doc FROM (${numbered ? NUMBERED_LINES : BLOCK_LINES}) WHERE ${IS_ROW}`,
      );
      const atOnce = (): number => bytes * Math.min(1, VECTOR_ROWS / Math.max(1, rows));
      try {
        while (bytes < BATCH_BYTES && atOnce() < database.heavyBytes) {
          const block: TextBlock | undefined = (await blocks.next()).value;
          isLast = block === undefined;
          if (block === undefined) break;
          if (block.bytes.length > database.bytesAtOnce) leave ??= await gate.enter(block.bytes.length);
          gather.bind(blockParameters(block));
          await gather.run();
          bytes += block.bytes.length;
          rows += linesIn(block.bytes);
        }
        gather.destroySync();
        if (bytes > 0) leave ??= await gate.enter(atOnce());
        await look(worker);
        if (settle === undefined || atOnce() < database.heavyBytes) await worker.run(judge('staged'));
        else {
          await worker.run('CREATE OR REPLACE TEMP TABLE judged AS FROM staged LIMIT 0');
          await worker.run(judge('judged'));
          await settle(worker, 'judged');
          await worker.run('INSERT INTO staged FROM judged; DROP TABLE judged');
        }
      } finally {
        leave?.();
      }
      await onStaged();
    }
  };
  const gate = new ByteGate(database.bytesAtOnce);
  const workers: DuckDBConnection[] = [];
  while (workers.length < (inOrder ? 1 : database.threads)) workers.push(await database.connect());
  try {
    await allOf(workers.map(work));
  } finally {
    for (const worker of workers) worker.closeSync();
    await blocks.return(undefined);
  }
}

export function blockParameters(block: TextBlock): { firstLine: bigint; bytes: DuckDBBlobValue } {
  return { firstLine: BigInt(block.firstLine), bytes: blobValue(block.bytes) };
}

/** Waits for all, so that nothing runs on after a failure; then throws the first failure. */
async function allOf(work: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

function linesIn(bytes: Uint8Array): number {
  let lines = 1;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) lines++;
  return lines;
}

/** Lets in as many at a time as fit into so many bytes together, and one in any case, in the order in which they came. */
class ByteGate {
  readonly #most: number;
  #used = 0;
  #last: Promise<void> = Promise.resolve();
  #left: () => void = () => {};

  constructor(most: number) {
    this.#most = most;
  }

  /** @returns what must be called when it is done */
  enter(bytes: number): Promise<() => void> {
    const entered = this.#last.then(async () => {
      while (this.#used > 0 && this.#used + bytes > this.#most)
        await new Promise<void>((resolve) => {
          this.#left = resolve;
        });
      this.#used += bytes;
      return () => {
        this.#used -= bytes;
        this.#left();
      };
    });
    this.#last = entered.then(() => {});
    return entered;
  }
}
