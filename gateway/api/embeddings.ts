import { executePlan } from 'pointsman/execution';
import { Problem } from '../problem.ts';
import { chatCompletions } from '../protocols/chat-completions.ts';
import { readCommon } from '../protocols/protocol.ts';
import type { RawAnswer } from '../upstreams/raw-answer.ts';
import { isFields } from '../upstreams/wire.ts';
import { problemResponse } from './answer.ts';
import { openCourse } from './course.ts';
import { boundsOf, readHints } from './hints.ts';
import { type GatewayParts, receive } from './parts.ts';

const ROUTE = '/v1/embeddings';

/** `POST /v1/embeddings`: passed on to the upstream of the model that is named, and what comes is passed back. */
export async function embed(parts: GatewayParts, request: Request): Promise<Response> {
  const course = openCourse(parts, ROUTE, request.headers, request.signal);
  return course.trace.run(async () => {
    try {
      const { body, scope } = await receive(parts, request);
      const known = Object.keys(parts.config.embeddings);
      const candidate = body.model === 'auto' || body.model === undefined ? known[0] : String(body.model);
      if (candidate === undefined || !known.includes(candidate))
        throw unknownModel(known.filter((name) => scope.mayName(name)));
      const inputTokens = Math.ceil(charactersIn(body.input) / 4);
      const { metadata, rest } = readCommon(body);
      const hints = readHints(request.headers, metadata);
      const grant = await course.admit({ router: null, candidate, inputTokens });
      const price = parts.config.embeddings[candidate].inputPricePerMillionTokens;
      const costUsd = price === undefined ? null : (price * inputTokens) / 1e6;
      await course.reserve(grant, { candidate, costUsd, inputTokens });
      const result = await executePlan(
        {
          plan: { kind: 'call', candidate },
          fallback: [],
          predictions: [{ candidate, expectedCostUsd: costUsd }],
        },
        { text: '', parameters: rest, outgoing: course.trace.outgoing },
        parts.embeddings,
        {
          ...parts.embeddingExecution,
          ...boundsOf(hints, parts.config.execution),
          signal: course.signal,
          telemetry: course.telemetry,
        },
      );
      course.answered(result);
      return new Response((result.answer.raw as RawAnswer).text, {
        headers: {
          'content-type': 'application/json',
          'x-pointsman-candidate': encodeURIComponent(candidate),
          'x-pointsman-attempts': String(course.attempts),
          ...course.keyHeaders,
        },
      });
    } catch (error) {
      return problemResponse(chatCompletions, course.failed(error), course);
    }
  });
}

function unknownModel(known: readonly string[]): Problem {
  const advice =
    known.length === 0
      ? 'This gateway has none: add `embeddings` to its configuration.'
      : `Known are: ${known.join(', ')}.`;
  return new Problem(404, 'model_not_found', `\`model\` must be an embedding model. ${advice}`, {
    param: 'model',
  });
}

/** Of texts, of lists of them, and of lists of tokens, which count as four each. */
function charactersIn(input: unknown): number {
  if (typeof input === 'string') return input.length;
  if (typeof input === 'number') return 4;
  if (Array.isArray(input)) return input.reduce<number>((sum, part) => sum + charactersIn(part), 0);
  return isFields(input) ? JSON.stringify(input).length : 0;
}
