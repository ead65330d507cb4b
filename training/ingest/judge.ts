import { createHash } from 'node:crypto';
import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { blobValue, type DuckDBConnection } from '@duckdb/node-api';
import { bulkhead, ExponentialBackoff, handleAll, retry, wrap } from 'cockatiel';
import { InvalidInputError, readPrompt } from 'pointsman';
import { EXISTING, USABLE } from './sql/rows.ts';

/** What a judge looks at. */
export interface Judged {
  /** What the user said. */
  readonly prompt: string;
  /** The whole conversation, where there was one. */
  readonly messages?: readonly unknown[];
  readonly answer: string;
  readonly candidate: string;
}

/** Says how good an answer is, 0 to 1. */
export type JudgeAnswer = (judged: Judged) => number | Promise<number>;

/** A judge, and what it is known by: another judge is not asked what this one said. */
export interface Judge {
  readonly id: string;
  readonly judge: JudgeAnswer;
}

/**
 * Opens a judge: the address of an endpoint (http or https), or the path of an ES module whose default export is the
 * function. A module that was changed is another judge.
 * @throws InvalidInputError when there is no such module, or it exports no function.
 */
export async function openJudge(place: string): Promise<Judge> {
  if (/^https?:\/\//.test(place)) return { id: place, judge: httpJudge(place) };
  const file = resolve(place);
  try {
    const id = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
    const { default: judge } = (await import(pathToFileURL(file).href)) as { default?: unknown };
    if (typeof judge === 'function') return { id, judge: judge as JudgeAnswer };
  } catch (cause) {
    throw new InvalidInputError(
      `The judge ${place} cannot be loaded: ${(cause as Error).message}. Give an ES module (.mjs) that can be imported, or an address.`,
      { cause },
    );
  }
  throw new InvalidInputError(
    `The judge ${place} must have a default export: async ({ prompt, answer, candidate }) => a number from 0 to 1.`,
  );
}

const TIMEOUT_MS = 60_000;

/** Far more than a number takes. */
const MOST_BYTES = 2 ** 20;

/**
 * Asks an endpoint: POST of `{ prompt, messages?, answer, candidate }`, which answers `{ "quality": 0.5 }`. Redirects are not
 * followed, since prompts would go along.
 */
function httpJudge(url: string): JudgeAnswer {
  return async (judged) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(judged),
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (!response.ok) {
      await response.body?.cancel();
      const isRedirect = response.status >= 300 && response.status < 400;
      throw new Error(
        `it answered with status ${response.status}${isRedirect ? ', a redirect, which is not followed' : ''}`,
      );
    }
    const { quality } = JSON.parse(await readText(response)) as { quality?: unknown };
    if (typeof quality !== 'number') throw new Error('its answer has no number `quality`');
    return quality;
  };
}

async function readText({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw new Error(`its answer has more than ${MOST_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** Answers that are held in memory at a time. */
const BATCH = 1000;

/** What became of the rows that had no quality. */
export interface JudgeReport {
  readonly judged: number;
  /** Rows that the judge gave no quality, and what it said of the first. */
  readonly failed: number;
  readonly firstFailure: string | null;
  /** Rows that have neither a quality nor an answer to judge. */
  readonly withoutAnswer: number;
}

/**
 * Asks a judge for the quality of rows that have an answer and none yet. Failed calls are not judged: they have no answer.
 */
export async function judgeRows(
  connection: DuckDBConnection,
  judge: Judge,
  cache: VerdictCache,
  options: JudgeAnswersOptions & { readonly onProgress?: (done: number, total: number) => void } = {},
): Promise<JudgeReport> {
  await connection.run(`CREATE TABLE unjudged AS SELECT row_number() OVER (ORDER BY "requestId", candidate) - 1 AS n, * FROM (
    SELECT "requestId", candidate, "text", messages, answer FROM staged
    WHERE ${USABLE} AND quality IS NULL AND answer <> '')`);
  await connection.run('CREATE TABLE verdicts (n BIGINT, quality DOUBLE)');
  const count = async (query: string): Promise<number> =>
    Number((await connection.runAndReadAll(query)).getRows()[0][0]);
  const total = await count('SELECT count(*) FROM unjudged');
  let failed = 0;
  let firstFailure: string | null = null;
  for (let from = 0; from < total; from += BATCH) {
    options.onProgress?.(from, total);
    const reader = await connection.runAndReadAll(
      `SELECT "text", messages, answer, candidate FROM unjudged WHERE n >= ${from} AND n < ${from + BATCH} ORDER BY n`,
    );
    const answers = reader
      .getRows()
      .map(([text, messages, answer, candidate]) =>
        judgedOf(text as string | null, messages as string | null, String(answer), String(candidate)),
      );
    const verdicts = await judgeAnswers(judge, answers, cache, options);
    const lines: string[] = [];
    for (const [i, verdict] of verdicts.entries()) {
      if ('quality' in verdict) lines.push(`${from + i} ${verdict.quality}`);
      else {
        failed++;
        firstFailure ??= verdict.failure;
      }
    }
    if (lines.length === 0) continue;
    await connection.run(
      `INSERT INTO verdicts SELECT split_part(line, ' ', 1)::BIGINT, split_part(line, ' ', 2)::DOUBLE
        FROM (SELECT unnest(string_split(decode($bytes::BLOB), chr(10))) AS line)`,
      { bytes: blobValue(Buffer.from(lines.join('\n'))) },
    );
  }
  options.onProgress?.(total, total);
  await connection.run(`UPDATE staged SET quality = j.quality, metadata = json_merge_patch(metadata, '{"judged":true}')
    FROM (SELECT "requestId", candidate, v.quality FROM unjudged JOIN verdicts AS v USING (n)) AS j
    WHERE staged."requestId" = j."requestId" AND staged.candidate = j.candidate AND ${USABLE} AND staged.quality IS NULL`);
  const open = await count(
    `SELECT count(*) FROM staged WHERE ${USABLE} AND quality IS NULL AND file <> ${EXISTING}`,
  );
  await connection.run('DROP TABLE unjudged; DROP TABLE verdicts');
  return { judged: total - failed, failed, firstFailure, withoutAnswer: open - failed };
}

function judgedOf(text: string | null, messages: string | null, answer: string, candidate: string): Judged {
  if (messages === null) return { prompt: text ?? '', answer, candidate };
  const conversation = JSON.parse(messages);
  return { prompt: readPrompt({ messages: conversation }).text, messages: conversation, answer, candidate };
}

interface JudgeAnswersOptions {
  /** How many answers are judged at once. @default 8 */
  readonly concurrency?: number;
  /** How often a judgement that failed is tried again. @default 3 */
  readonly retries?: number;
  /** Milliseconds before the first further try; it doubles. @default 500 */
  readonly firstDelayMs?: number;
}

/** The judgement of one answer: its quality, or why there is none. */
type Verdict = { readonly quality: number } | { readonly failure: string };

/**
 * Judges answers, some at a time, each failed one again; what the cache has is not asked for. A quality that is no
 * number from 0 to 1 is a failure: nothing is made up.
 * @returns a verdict for each answer, in their order.
 */
export async function judgeAnswers(
  { id, judge }: Judge,
  answers: readonly Judged[],
  cache: VerdictCache,
  { concurrency = 8, retries = 3, firstDelayMs = 500 }: JudgeAnswersOptions = {},
): Promise<Verdict[]> {
  const policy = wrap(
    bulkhead(concurrency, Number.POSITIVE_INFINITY),
    retry(handleAll, {
      maxAttempts: retries,
      backoff: new ExponentialBackoff({ initialDelay: firstDelayMs, maxDelay: 60_000 }),
    }),
  );
  return Promise.all(
    answers.map(async (answer): Promise<Verdict> => {
      const key = keyOf(id, answer);
      const known = cache.get(key);
      if (known !== undefined) return { quality: known };
      try {
        const quality = await policy.execute(async () => checked(await judge(answer)));
        await cache.add(key, quality);
        return { quality };
      } catch (error) {
        return { failure: (error as Error).message ?? String(error) };
      }
    }),
  );
}

function checked(quality: unknown): number {
  if (typeof quality === 'number' && quality >= 0 && quality <= 1) return quality;
  throw new Error(`a judge must give a number from 0 to 1. Got ${JSON.stringify(quality)}`);
}

function keyOf(judge: string, { prompt, messages, answer, candidate }: Judged): string {
  return createHash('sha256')
    .update(JSON.stringify([judge, prompt, messages ?? null, answer, candidate]))
    .digest('hex');
}

/** What was judged before: qualities by content hash, in a file that is appended to as verdicts come. */
export class VerdictCache {
  readonly #file: string;
  readonly #known: Map<string, number>;
  #writing: Promise<void> = Promise.resolve();

  private constructor(file: string, known: Map<string, number>) {
    this.#file = file;
    this.#known = known;
  }

  static async open(file: string): Promise<VerdictCache> {
    const text = await readFile(file, 'utf8').catch(() => '');
    const known = new Map<string, number>();
    for (const line of text.split('\n')) {
      // The last line of a run that was killed may be half of one.
      const [, key, quality] = /^([0-9a-f]{64}) ([0-9.e-]+)$/.exec(line) ?? [];
      if (key !== undefined) known.set(key, Number(quality));
    }
    await mkdir(dirname(file), { recursive: true });
    if (text !== '' && !text.endsWith('\n')) await appendFile(file, '\n');
    return new VerdictCache(file, known);
  }

  get(key: string): number | undefined {
    return this.#known.get(key);
  }

  /** Resolves when the verdict is in the file. */
  add(key: string, quality: number): Promise<void> {
    this.#known.set(key, quality);
    this.#writing = this.#writing.then(() => appendFile(this.#file, `${key} ${quality}\n`, { mode: 0o600 }));
    return this.#writing;
  }
}
