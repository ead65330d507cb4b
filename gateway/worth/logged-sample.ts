import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { InvalidInputError, type Request } from 'pointsman';
import { type LogRecord, parseLogRecord } from 'pointsman/log';

type DecisionLine = Extract<LogRecord, { readonly kind: 'decision' }>;
type OutcomeLine = Extract<LogRecord, { readonly kind: 'outcome' }>;

/** A decision of a router that was carried out, and what came of it. */
export interface LoggedDecision {
  readonly decision: DecisionLine;
  /** Null where the log keeps no words. */
  readonly request: Request | null;
  /** Whether the candidate that was decided on answered, by one call: then what it cost is known to be its own. */
  readonly isPlain: boolean;
  /** US dollars of every attempt; null where that is not known. */
  readonly costUsd: number | null;
  readonly latencyMs: number | null;
  /** The last rating of the answer, 0 to 1; null where nobody rated. */
  readonly quality: number | null;
}

/** What is read of a log: the newest of it, up to so many decisions and bytes. */
export const MOST_DECISIONS = 3000;
const MOST_BYTES = 12 * 2 ** 20;

/** Lines that are read in a row before whatever else waits has its turn: requests must not wait for a page. */
const AT_A_TIME = 20;
const FILE = /^decisions-.*\.jsonl$/;

/**
 * The newest decisions of routers in a decision log, the oldest first. Those that nobody answered, and those whose candidate the request named, say nothing
 * of a router, and are left out.
 *
 * @param folder of the log; several gateways may write to it.
 */
export async function readLoggedSample(folder: string): Promise<readonly LoggedDecision[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => FILE.test(name)).sort();
  const decisions = new Map<string, DecisionLine>();
  const outcomes = new Map<string, OutcomeLine>();
  const ratings = new Map<string, { readonly quality: number; readonly at: string }>();
  let bytes = MOST_BYTES;
  for (const name of names.reverse()) {
    if (bytes <= 0 || decisions.size >= MOST_DECISIONS) break;
    const { read, text } = await tailOf(join(folder, name), bytes);
    bytes -= read;
    for (const [i, line] of text.split('\n').entries()) {
      if (i % AT_A_TIME === 0) await new Promise(setImmediate);
      const record = recordOf(line);
      if (record?.kind === 'decision') decisions.set(record.id, record);
      else if (record?.kind === 'outcome') outcomes.set(record.id, record);
      else if (record?.kind === 'feedback' && record.quality !== undefined) {
        const known = ratings.get(record.id);
        if (known === undefined || known.at <= record.at)
          ratings.set(record.id, { quality: record.quality, at: record.at });
      }
    }
  }
  const sample: LoggedDecision[] = [];
  for (const decision of decisions.values()) {
    const outcome = outcomes.get(decision.id);
    if (decision.policyPath[0] === 'named' || outcome?.status !== 'answered') continue;
    sample.push({
      decision,
      request: decision.request ?? null,
      isPlain:
        outcome.candidate === decision.candidate &&
        (outcome.totalCostUsd ?? outcome.costUsd) === outcome.costUsd,
      costUsd: outcome.totalCostUsd ?? outcome.costUsd,
      latencyMs: outcome.totalLatencyMs ?? outcome.latencyMs,
      quality: ratings.get(decision.id)?.quality ?? null,
    });
  }
  return sample
    .sort((a, b) => (a.decision.at < b.decision.at ? -1 : a.decision.at > b.decision.at ? 1 : 0))
    .slice(-MOST_DECISIONS);
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
