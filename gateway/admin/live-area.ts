import { Hono } from 'hono';
import { describeChange } from 'pointsman';
import type { DecisionRecord, DecisionRecords } from '../records/decision-records.ts';
import { NotThereError } from './admin-api.ts';

/** A decision in a line of a list. */
export interface LiveRow {
  readonly id: string;
  readonly at: string;
  readonly router: string | null;
  readonly route: string;
  readonly asked: string;
  readonly prompt: string | null;
  /** Who was decided on. */
  readonly chosen: string;
  /** Who answered; null while nobody has. */
  readonly candidate: string | null;
  readonly state: DecisionRecord['state'];
  readonly status: number | null;
  readonly confidence: number;
  /** Whether the policy was likelier to choose another one: it explored. */
  readonly isExplored: boolean;
  readonly costUsd: number | null;
  readonly latencyMs: number | null;
  readonly attempts: number;
  /** The last rating, 0 to 1; null while there is none. */
  readonly quality: number | null;
}

/** What `GET /admin/live` sends as one event: rows that are new or have changed, the oldest first. */
export interface LiveRows {
  readonly rows: readonly LiveRow[];
  /** Rows that changed as well, and were left out since there were too many. */
  readonly leftOut: number;
}

const ROWS_AT_FIRST = 500;
const MOST_ROWS = 200;
const EVERY_MS = 250;
const SIGN_OF_LIFE_MS = 15_000;

/**
 * Decisions as they come, and each of them whole.
 *
 * @param stopping aborted when the gateway is to end: what is watched would go on for ever.
 */
export function createLiveArea(records: DecisionRecords, stopping: AbortSignal): Hono {
  const app = new Hono();
  app.get('/admin/live', ({ req }) => {
    const first = [...records.all()].slice(-ROWS_AT_FIRST).map(rowOf);
    const body = watched(records, first, AbortSignal.any([stopping, req.raw.signal]));
    return new Response(body, {
      headers: {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      },
    });
  });
  app.get('/admin/decisions/:id', (context) => {
    const record = records.get(context.req.param('id'));
    if (record === undefined)
      throw new NotThereError(
        'This decision is not among the newest that the gateway keeps. Older ones are in the decision log.',
      );
    const changes = record.decision.whatWouldChangeIt.map(describeChange);
    return context.json({ ...record, decision: { ...record.decision, changes } });
  });
  return app;
}

function rowOf({ attempts, decision, feedback, ...record }: DecisionRecord): LiveRow {
  const { asked, at, candidate, costUsd, id, latencyMs, prompt, route, router, state, status } = record;
  return {
    ...{ asked, at, candidate, costUsd, id, latencyMs, prompt, route, router, state, status },
    chosen: decision.candidate,
    confidence: decision.confidence,
    isExplored: Object.values(decision.propensities ?? {}).some((other) => other > decision.propensity),
    attempts: attempts.length,
    quality: feedback.findLast(({ quality }) => quality !== undefined)?.quality ?? null,
  };
}

/** Server-sent events, several changes at a time, and only as fast as they are read. */
function watched(
  records: DecisionRecords,
  first: readonly LiveRow[],
  ended: AbortSignal,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  /** What has changed since the last event, by id. */
  const changed = new Map<string, DecisionRecord>();
  let leftOut = 0;
  let end = () => {};
  return new ReadableStream<Uint8Array>({
    start(controller) {
      const send = (text: string) => controller.enqueue(encoder.encode(text));
      const sendRows = (rows: readonly LiveRow[]) => {
        const event: LiveRows = { rows, leftOut };
        send(`data: ${JSON.stringify(event)}\n\n`);
        leftOut = 0;
      };
      const unwatch = records.watch((record) => {
        // In the order of the last change, so that what is left out is what has waited longest.
        changed.delete(record.id);
        changed.set(record.id, record);
        if (changed.size <= MOST_ROWS) return;
        changed.delete(changed.keys().next().value as string);
        leftOut++;
      });
      let quietMs = 0;
      const timer = setInterval(() => {
        quietMs += EVERY_MS;
        if ((controller.desiredSize ?? 0) <= 0) return;
        if (changed.size > 0) sendRows([...changed.values()].map(rowOf));
        else if (quietMs < SIGN_OF_LIFE_MS) return;
        else send(':\n\n');
        changed.clear();
        quietMs = 0;
      }, EVERY_MS);
      end = () => {
        unwatch();
        clearInterval(timer);
        ended.removeEventListener('abort', close);
      };
      const close = () => {
        end();
        controller.close();
      };
      sendRows(first);
      if (ended.aborted) close();
      else ended.addEventListener('abort', close);
    },
    cancel: () => end(),
  });
}
