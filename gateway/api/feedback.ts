import { z } from 'zod';
import { Problem } from '../problem.ts';
import type { GivenFeedback } from '../records/decision-records.ts';
import { NONE } from '../telemetry/metrics.ts';
import { isOwn } from './decisions.ts';
import { admit, type GatewayParts, receive } from './parts.ts';

const RATINGS: Readonly<Record<string, number>> = { up: 1, down: 0, '👍': 1, '👎': 0 };
const text = (longest: number) => z.string().min(1).max(longest);

const feedbackSchema = z
  .strictObject({
    decisionId: text(256).optional(),
    conversationId: text(256).optional(),
    rating: z
      .union([z.boolean(), z.number().min(0).max(1), z.enum(['up', 'down', '👍', '👎'])], {
        error: 'must be a number between 0 and 1, true or false, "up" or "down"',
      })
      .optional(),
    comment: text(10_000).optional(),
    rightAnswer: text(100_000).optional(),
    candidate: text(256).optional(),
    source: text(256).default('user'),
  })
  .refine(({ conversationId, decisionId }) => (decisionId === undefined) !== (conversationId === undefined), {
    error: 'give `decisionId` or `conversationId`, one of the two',
  })
  .refine(({ comment, rating, rightAnswer }) => (rating ?? comment ?? rightAnswer) !== undefined, {
    error: 'give a `rating`, a `comment` or a `rightAnswer`',
  });

/**
 * `POST /v1/feedback`: how good an answer was. It is in the decision log, where there is one, when this says so: it may come in any
 * process, and long after the answer.
 */
export async function takeFeedback(parts: GatewayParts, request: Request): Promise<Response> {
  const { data, error, success } = feedbackSchema.safeParse((await receive(parts, request)).body);
  if (!success) {
    const [issue] = error.issues;
    const field = issue.path.length === 0 ? 'The feedback is wrong' : `\`${issue.path.join('.')}\` is wrong`;
    throw new Problem(400, 'invalid_request', `${field}: ${issue.message}. See docs/gateway.md.`);
  }
  const { records } = parts;
  const { candidate, comment, conversationId, rating, rightAnswer, source } = data;
  const id = data.decisionId ?? records.lastOf(conversationId as string);
  if (id === undefined)
    throw notFound(`There is no decision of the conversation ${conversationId?.slice(0, 100)}.`);
  const record = records.get(id);
  // Of older decisions no more is remembered than what a rating needs.
  const known = record ?? parts.ratable.get(id);
  const logged = parts.config.log !== undefined;
  const grant = await admit(parts, request, 'feedback', known?.router ?? null);
  // What is not known here may be of another gateway on the same log; without a log nothing would keep it.
  if (known === undefined ? !logged : !isOwn(known, grant.keyId))
    throw notFound(`There is no decision ${id.slice(0, 100)}.`);
  const quality =
    typeof rating === 'string' ? RATINGS[rating] : rating === undefined ? undefined : Number(rating);
  const given = {
    ...(quality === undefined ? {} : { quality }),
    ...(comment === undefined ? {} : { comment }),
    ...(rightAnswer === undefined ? {} : { rightAnswer }),
    ...(candidate === undefined ? {} : { candidate }),
    source,
  };
  const { dropped, failed } = parts.log.stats();
  parts.log.feedback(id, given);
  await parts.log.flush();
  const after = parts.log.stats();
  // What is acknowledged must not be lost.
  if (after.dropped > dropped || after.failed > failed)
    throw new Problem(
      503,
      'log_unavailable',
      'The decision log cannot be written to. Send the feedback again later.',
      {
        retryAfterMs: 5000,
      },
    );
  if (record !== undefined) {
    const said: GivenFeedback = { at: new Date().toISOString(), ...given };
    records.update(id, { feedback: [...record.feedback, said].slice(-MOST_KEPT) });
  }
  const ratable = quality === undefined ? undefined : parts.ratable.take(id, candidate);
  if (quality !== undefined && ratable !== undefined) {
    parts.rollups.rated(ratable, quality);
    const { router, unit, version } = ratable;
    if (router !== null) parts.routers.versions(router)?.rated(version, quality, unit);
  }
  const labels = { router: record?.router ?? NONE, candidate: record?.candidate ?? NONE };
  parts.metrics.feedback.inc(labels);
  return Response.json({ decisionId: id, ...given, known: known !== undefined, logged }, { status: 201 });
}

/** Ratings of one decision that are shown; the log has all of them. */
const MOST_KEPT = 20;

function notFound(message: string): Problem {
  return new Problem(404, 'decision_not_found', message);
}
