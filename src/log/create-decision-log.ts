import { readPrompt } from '../request/prompt-text.ts';
import type { Request } from '../request.ts';
import { validate } from '../validate.ts';
import { copyRequest } from './copy-request.ts';
import type { DecisionLog, FeedbackInput } from './decision-log.ts';
import type { DecisionLogOptions } from './decision-log-options.ts';
import { inSlices } from './in-slices.ts';
import { readLogSettings } from './log-settings.ts';
import { finishRecord, type Pending } from './pending-record.ts';
import { createLogQueue } from './queue.ts';
import type { LogRecord } from './record.ts';
import { lengthOf, withinLimits } from './record-limits.ts';
import { candidateSchema, decisionIdSchema, feedbackSchema, outcomeSchema } from './record-schema.ts';

/** About what a record holds beside the prompt, in UTF-16 units, where it is not more. */
const OVERHEAD = 1000;

/** The same of a candidate's predictions. */
const PREDICTION = 100;

/**
 * A log of decisions before a sink. Memory is bounded by `capacity` and `capacityCharacters`; the sink is written to in
 * batches, one after another, beside whatever routes.
 *
 * A process that comes to its end writes what waits, and one that is ended does not: `close` it. The sink's turn comes when the event loop turns: in a loop
 * of nothing but awaited decisions it never does.
 *
 * @throws InvalidInputError when an option is out of its range.
 * @example
 * const log = createDecisionLog({ sink: (records) => queue.send(records), content: 'hash' });
 * const router = createRouter(artifact, { log });
 */
export function createDecisionLog(options: DecisionLogOptions): DecisionLog {
  const settings = readLogSettings(options);
  const { sink, content, clock, newId } = settings;
  const isoNow = () => new Date(clock.wallNow()).toISOString();
  const queue = createLogQueue<Pending>({
    ...settings,
    async write(items, dropped) {
      const refused: unknown[] = [];
      const finished = await inSlices(items, (item) =>
        finishRecord(item, settings.sha256, settings.embedding).catch((reason: unknown) => {
          refused.push(reason);
          return null;
        }),
      );
      const records = finished.filter((record) => record !== null);
      if (dropped > 0) records.unshift({ schemaVersion: 1, kind: 'dropped', at: isoNow(), count: dropped });
      if (records.length === 0) return refused;
      return [...refused, ...((await sink.write(records)) ?? [])].slice(0, items.length);
    },
  });
  const keep = (
    decision: Parameters<DecisionLog['decided']>[0],
    request: Request | undefined,
    embedding: ArrayLike<number> | undefined,
    id: string,
  ) => {
    const prompt = request === undefined ? undefined : readPrompt(request);
    const copied =
      embedding !== undefined && (settings.embedding || request === undefined)
        ? Float32Array.from(embedding)
        : undefined;
    validate(candidateSchema, decision.candidate, 'candidate of decision');
    const kept = content === 'hash' || request === undefined ? undefined : copyRequest(request);
    const beside = lengthOf(decision.signals) + PREDICTION * decision.predictions.length;
    // The text is held until it is hashed, whether it is kept or not; a conversation is held beside it.
    const conversation = kept !== undefined && 'messages' in kept ? lengthOf(kept.messages) : 0;
    queue.push({
      size:
        Math.max(OVERHEAD, beside) + (prompt?.text.length ?? 0) + conversation + 2 * (copied?.length ?? 0),
      id,
      at: clock.wallNow(),
      decision,
      prompt: prompt?.text,
      request: kept,
      embedding: copied,
    });
  };
  const tell = (record: LogRecord) => void queue.push({ size: Math.max(OVERHEAD, lengthOf(record)), record });
  let closing: Promise<void> | undefined;
  /** The same, or nothing when it takes longer. */
  const within = (ms: number, work: Promise<void>) =>
    new Promise<void>((resolve, reject) => {
      const cancel = clock.after(ms, resolve, true);
      work.then(resolve, reject).finally(cancel);
    });

  return {
    decided(decision, request, embedding) {
      const id = newId();
      try {
        keep(decision, request, embedding, checkId(id));
      } catch {
        // Of a request that cannot be read nothing is logged; that is no reason not to answer it.
        queue.drop();
      }
      return id;
    },
    outcome(id, given) {
      const outcome = validate(outcomeSchema, withinLimits(given), 'outcome');
      tell({ schemaVersion: 1, kind: 'outcome', id: checkId(id), at: isoNow(), ...outcome });
    },
    feedback(id, given) {
      const feedback = validate<FeedbackInput>(feedbackSchema, given, 'feedback');
      tell({ schemaVersion: 1, kind: 'feedback', id: checkId(id), at: isoNow(), ...feedback });
    },
    flush: () => queue.flush(),
    close() {
      closing ??= (async () => {
        await within(settings.closeMs, queue.flush());
        queue.end();
        await within(settings.closeMs, sink.close());
      })();
      return closing;
    },
    stats: () => ({
      ...queue.counts,
      error: queue.error === undefined ? null : messageOf(queue.error),
    }),
  };
}

function checkId(id: string): string {
  return validate(decisionIdSchema, id, 'decision id');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
