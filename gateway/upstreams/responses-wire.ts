import { MalformedAnswerError } from 'pointsman/execution';
import { isSealed } from './raw-answer.ts';
import {
  argumentsOf,
  type BilledUsage,
  callPiece,
  countOf,
  endOf,
  type Fields,
  type FinishReason,
  fieldsOf,
  hasCounts,
  listOf,
  notWhole,
  textOf,
  type Wire,
  type WireModel,
  type WireStream,
  withPrefix,
} from './wire.ts';

/** OpenAI's `POST /v1/responses`, as an upstream speaks it. The body is the client's own. */
export function createResponsesWire({ defaults, model, promptPrefix }: WireModel): Wire {
  return {
    path: 'responses',
    body({ messages: more = [], parameters = {} }, stream) {
      const body: Fields = { ...defaults, ...parameters };
      return {
        ...body,
        model,
        ...(more.length === 0 && !Array.isArray(body.input)
          ? {}
          : { input: [...itemsOf(body.input).filter(isReadable), ...more] }),
        ...(promptPrefix === undefined ? {} : { instructions: withPrefix(body.instructions, promptPrefix) }),
        stream,
      };
    },
    errorIn(body) {
      if (body.type === 'error') return body;
      const error = body.error ?? fieldsOf(body.response).error;
      return error === null || error === undefined ? undefined : { error };
    },
    readWhole(body) {
      if (body.object !== 'response' && !Array.isArray(body.output))
        throw new MalformedAnswerError(
          "The upstream gave no response. Check that it speaks OpenAI's Responses API.",
        );
      return answerOf(body);
    },
    openStream,
  };
}

function itemsOf(input: unknown): readonly unknown[] {
  if (Array.isArray(input)) return input;
  return typeof input === 'string' ? [{ role: 'user', content: input }] : [];
}

/** What the gateway signed of another upstream's answer is none of this one's. */
function isReadable(item: unknown): boolean {
  return !isSealed(fieldsOf(item).encrypted_content);
}

/** Calls that the client is to carry out, and where each keeps its arguments. */
const CALLS: Readonly<Record<string, string>> = { function_call: 'arguments', custom_tool_call: 'input' };
const SPOKEN = new Set(['message', 'reasoning', ...Object.keys(CALLS)]);

/** @throws MalformedAnswerError or UpstreamError when it does not say that it is whole. */
function answerOf(response: Fields) {
  const items = listOf(response.output);
  const parts = items.filter(({ type }) => type === 'message').flatMap(({ content }) => listOf(content));
  const toolCalls = items.flatMap((item) => callOf(item));
  const isRefused = parts.some(({ type }) => type === 'refusal');
  const hasMedia = items.some(({ type }) => !SPOKEN.has(String(type)));
  return {
    text: parts.map(({ refusal, text, type }) => textOf(type === 'refusal' ? refusal : text)).join(''),
    reasoning: items
      .filter(({ type }) => type === 'reasoning')
      .flatMap(({ content, summary }) => [...listOf(summary), ...listOf(content)])
      .map(({ text }) => textOf(text))
      .join(''),
    toolCalls,
    finishReason: reasonOf(response, toolCalls.length > 0, isRefused),
    ...endOf(usageOf(fieldsOf(response.usage)), hasMedia, textOf(response.model)),
  };
}

function callOf(item: Fields): { id: string; name: string; arguments: string }[] {
  const type = String(item.type);
  if (!Object.hasOwn(CALLS, type)) return [];
  return [
    { id: textOf(item.call_id), name: textOf(item.name), arguments: argumentsOf(item[CALLS[type]] ?? '') },
  ];
}

function reasonOf(response: Fields, hasCalls: boolean, isRefused: boolean): FinishReason {
  const { status } = response;
  if (status === 'incomplete') {
    const { reason } = fieldsOf(response.incomplete_details);
    if (reason === 'max_output_tokens') return 'length';
    return reason === 'content_filter' ? 'content-filter' : 'other';
  }
  // Some that speak this protocol leave it out of what is whole.
  if (status !== undefined && status !== 'completed')
    throw notWhole('with another `status` than "completed"');
  if (isRefused) return 'content-filter';
  return hasCalls ? 'tool-calls' : 'stop';
}

function usageOf(usage: Fields): BilledUsage | undefined {
  if (!hasCounts(usage)) return undefined;
  return {
    inputTokens: usage.input_tokens as number,
    outputTokens: usage.output_tokens as number,
    cachedInputTokens: countOf(fieldsOf(usage.input_tokens_details).cached_tokens),
    reasoningTokens: countOf(fieldsOf(usage.output_tokens_details).reasoning_tokens),
  };
}

/** What deltas of text are called, and what they are. */
const DELTAS: Readonly<Record<string, 'text' | 'reasoning'>> = {
  'response.output_text.delta': 'text',
  'response.refusal.delta': 'text',
  'response.reasoning_summary_text.delta': 'reasoning',
  'response.reasoning_text.delta': 'reasoning',
};

function openStream(): WireStream {
  let whole: ReturnType<typeof answerOf> | undefined;
  /** Calls by the number of their item: whether anything of their arguments came. */
  const calls = new Map<number, boolean>();
  return {
    read(event) {
      const type = String(event.type);
      const index = countOf(event.output_index);
      if (Object.hasOwn(DELTAS, type)) return [{ [DELTAS[type]]: textOf(event.delta) }];
      switch (type) {
        case 'response.output_item.added': {
          const [begun] = callOf(fieldsOf(event.item));
          if (begun === undefined) return [];
          calls.set(index, begun.arguments !== '');
          return callPiece(index, begun);
        }
        case 'response.function_call_arguments.delta':
        case 'response.custom_tool_call_input.delta':
          if (!calls.has(index) || textOf(event.delta) === '') return [];
          calls.set(index, true);
          return callPiece(index, { arguments: textOf(event.delta) });
        case 'response.output_item.done': {
          // Of a call that came without deltas, all of it.
          const [ended] = callOf(fieldsOf(event.item));
          if (ended === undefined || calls.get(index) === true) return [];
          calls.set(index, true);
          return callPiece(index, ended);
        }
        case 'response.completed':
        case 'response.incomplete':
          whole = answerOf(fieldsOf(event.response));
          return [];
        case 'response.failed':
        case 'response.cancelled':
          throw notWhole(`with \`${type}\``);
        default:
          return [];
      }
    },
    finish() {
      if (whole === undefined) return undefined;
      const { finishReason: reason, hasMedia = false, model, usage } = whole;
      return { reason, ...endOf(usage, hasMedia, model) };
    },
    get isOver() {
      return whole !== undefined;
    },
  };
}
