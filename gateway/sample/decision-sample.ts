import { createHmac } from 'node:crypto';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { InvalidInputError, type Request } from 'pointsman';
import {
  createDecisionLog,
  type DecisionLog,
  type DecisionLogOptions,
  type LogRecord,
  parseLogRecord,
} from 'pointsman/log';
import { sha256 } from '../records/decision-records.ts';
import { directionOf } from './nearest.ts';
import {
  type BesideDecision,
  drawOf,
  routerOf,
  type SampledPeriod,
  type SampledRow,
  SampleFile,
} from './sample-file.ts';

/** A decision of a router that was carried out, and what came of it. */
export interface SampledDecision {
  readonly decision: SampledRow['decision'];
  /** Null where no words are kept, or they were too long. */
  readonly request: Request | null;
  /** Whether the candidate that was decided on answered, by one call: then what it cost is known to be its own. */
  readonly isPlain: boolean;
  /** US dollars of every attempt; null where that is not known. */
  readonly costUsd: number | null;
  /** The last rating of the answer, 0 to 1; null where nobody rated. */
  readonly quality: number | null;
}

/** What is kept of a period. */
export interface ReadSample {
  /** The oldest first. */
  readonly decisions: readonly SampledDecision[];
  /** The probability with which each answered decision of the period is among them; 1 for all of them. */
  readonly share: number;
}

/**
 * Decisions of routers and what came of them, of a bounded number, kept by the gateway itself: whatever the decision log is, and whether or not it can be
 * read from here.
 */
export interface DecisionSample {
  /**
   * Takes what a log of this machine holds already, the newest of it, where the sample is new: pages would be empty for as long as it takes to fill.
   *
   * @param folder of the log; several gateways may write to it.
   */
  fill(folder: string): Promise<void>;
  /** The same log, which tells the sample what it is told. */
  tap(log: DecisionLog): DecisionLog;
  /** @param router name in its artifacts. */
  read(router: string, period: SampledPeriod): Promise<ReadSample>;
  /** All that is kept of a router, some at a time. */
  everything(router: string): AsyncGenerator<SampledRow[]>;
  /** Of one of the newest decisions, or of one that is kept: what it was decided by; undefined where that is not known. */
  vectorOf(id: string): BesideDecision | undefined;
  /** Removes all decisions of a user, whether the user is kept as a hash or not. @returns how many there were */
  forget(user: string): Promise<number>;
  close(): Promise<void>;
}

export interface DecisionSampleOptions extends Pick<DecisionLogOptions, 'content' | 'userKey'> {
  /** `:memory:` keeps nothing over a restart. */
  readonly path: string;
  readonly keptMs: number;
  /** Newest decisions whose embedding is known, whether they are kept or not. */
  readonly newest: number;
  /** The embedder of an artifact that is in use; null for one that is not known. */
  readonly embedderOf: (artifactId: string) => string | null;
  /** Milliseconds since 1970. @default Date.now */
  readonly clock?: () => number;
  /** What is added to it is done a moment later, or when it is run. */
  readonly afterwards: { add(work: () => void): void; run(): void };
  /** Told where the file cannot be written. */
  readonly onError: (error: unknown) => void;
}

/** Records that are written in a row before whatever else waits has its turn. */
const AT_A_TIME = 32;

/** What may wait for the disk; the sample does without what is more. */
const CAPACITY = { capacity: 2000, capacityCharacters: 8 * 2 ** 20 };

/** Of decisions by these, the propensity says nothing of a router: the request named the candidate, or it was asked beside. */
const NO_CHOICES = ['named', 'shadow'];

/** @throws InvalidInputError for a file that is something else. */
export function openDecisionSample({
  afterwards,
  clock = Date.now,
  content,
  embedderOf,
  keptMs,
  newest,
  onError,
  path,
  userKey,
}: DecisionSampleOptions): DecisionSample {
  const file = new SampleFile(path, keptMs, clock, onError);
  const vectors = new Map<string, BesideDecision>();
  let id = '';
  const taken = createDecisionLog({
    ...CAPACITY,
    batch: AT_A_TIME,
    answers: 'none',
    sha256,
    ...(content === undefined ? {} : { content }),
    ...(userKey === undefined ? {} : { userKey }),
    newId: () => id,
    onError,
    sink: (records) => file.write(records, (decision) => vectors.get(decision.id) ?? NOT_EMBEDDED),
  });
  const pagesOf = async function* (pages: Generator<SampledRow[]>): AsyncGenerator<SampledRow[]> {
    for (const page of pages) {
      yield page;
      await turn();
    }
  };
  const flush = () => {
    afterwards.run();
    return taken.flush();
  };
  return {
    async fill(folder) {
      if (keptMs === 0 || !file.isNew) return;
      const records: LogRecord[] = [];
      for await (const record of loggedRecords(folder)) {
        if (record.kind !== 'decision' || !NO_CHOICES.includes(record.policyPath[0] ?? ''))
          records.push(record);
      }
      file.write(records, () => NOT_EMBEDDED);
    },
    tap(log) {
      return {
        ...log,
        decided(decision, request, embedding) {
          const own = log.decided(decision, request, embedding);
          const { artifactId, policyPath } = decision;
          if (NO_CHOICES.includes(policyPath[0] ?? '')) return own;
          if (embedding !== undefined) {
            vectors.set(own, { embedding: directionOf(embedding), embedder: embedderOf(artifactId) });
            if (vectors.size > newest) vectors.delete(vectors.keys().next().value as string);
          }
          if (keptMs > 0 && drawOf(own) < file.share(routerOf(artifactId)))
            // While its upstream is waited for.
            afterwards.add(() => {
              id = own;
              taken.decided(decision, request);
            });
          return own;
        },
        outcome(of, outcome) {
          log.outcome(of, outcome);
          afterwards.run();
          if (file.mayHold(of)) taken.outcome(of, outcome);
        },
        feedback(of, feedback) {
          log.feedback(of, feedback);
          afterwards.run();
          if (file.mayHold(of)) taken.feedback(of, feedback);
        },
      };
    },
    async read(router, period) {
      await flush();
      const { rows, share } = file.read(router, period);
      const decisions: SampledDecision[] = [];
      for await (const page of pagesOf(rows)) for (const row of page) decisions.push(decisionOf(row));
      return { decisions, share };
    },
    async *everything(router) {
      await flush();
      yield* pagesOf(file.everything(router));
    },
    vectorOf: (of) => vectors.get(of) ?? file.vectorOf(of),
    async forget(user) {
      await flush();
      const kept = user.slice(0, LONGEST_USER);
      return file.forget(userKey == null ? [kept] : [kept, hashOf(userKey, kept)]);
    },
    async close() {
      afterwards.run();
      await taken.close();
      await file.close();
    },
  };
}

const LOG_FILE = /^decisions-.*\.jsonl$/;
const MOST_LOGGED_BYTES = 12 * 2 ** 20;

/** The newest records of the files of a log, in their order. */
async function* loggedRecords(folder: string): AsyncGenerator<LogRecord> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => LOG_FILE.test(name)).sort();
  const texts: string[] = [];
  let bytes = MOST_LOGGED_BYTES;
  while (bytes > 0 && names.length > 0) {
    const { read, text } = await tailOf(join(folder, names.pop()!), bytes);
    bytes -= read;
    texts.unshift(text);
  }
  for (const [i, line] of texts.flatMap((text) => text.split('\n')).entries()) {
    if (i % AT_A_TIME === 0) await turn();
    const record = recordOf(line);
    if (record !== undefined) yield record;
  }
}

/** The end of a file, from the beginning of a line on. */
async function tailOf(
  path: string,
  bytes: number,
): Promise<{ readonly read: number; readonly text: string }> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const from = Math.max(0, size - bytes);
    const buffer = Buffer.alloc(size - from);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, from);
    const text = buffer.toString('utf8', 0, bytesRead);
    return { read: bytesRead, text: from === 0 ? text : text.slice(text.indexOf('\n') + 1) };
  } finally {
    await file.close();
  }
}

/** Undefined for what is no whole record: the last line of a file may be half written. */
function recordOf(line: string): LogRecord | undefined {
  if (line === '') return undefined;
  try {
    return parseLogRecord(JSON.parse(line));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof InvalidInputError) return undefined;
    throw error;
  }
}

/** UTF-16 units of a user that a log keeps or hashes. */
const LONGEST_USER = 256;

function hashOf(userKey: string, user: string): string {
  return createHmac('sha256', userKey).update(user).digest('hex');
}

const NOT_EMBEDDED: BesideDecision = { embedding: null, embedder: null };

function decisionOf({
  candidate,
  costUsd,
  decision,
  ownCostUsd,
  quality,
  request,
}: SampledRow): SampledDecision {
  return {
    decision,
    request: request ?? null,
    isPlain: candidate === decision.candidate && costUsd === ownCostUsd,
    costUsd,
    quality,
  };
}
