import type { Message } from 'pointsman';
import type { Answer, AnswerChunk, Usage } from 'pointsman/execution';
import { Problem } from '../problem.ts';
import { isRawAnswer } from '../upstreams/clients.ts';
import {
  type AnswerFacts,
  type AnswerWriter,
  event,
  type Fields,
  isFields,
  type Protocol,
} from './protocol.ts';

/** OpenAI's `POST /v1/chat/completions`. */
export const chatCompletions: Protocol = {
  route: '/v1/chat/completions',
  read(body) {
    const { messages, metadata, model = 'auto', response_format, stream, tools, ...parameters } = body;
    if (typeof model !== 'string' || model === '') throw wrong('model', 'a name, such as "auto"');
    if (!Array.isArray(messages) || messages.length === 0 || !messages.every(isFields))
      throw wrong('messages', 'a list of messages, at least one');
    if (tools !== undefined && tools !== null && !Array.isArray(tools)) throw wrong('tools', 'a list');
    if (stream !== undefined && stream !== null && typeof stream !== 'boolean')
      throw wrong('stream', 'true or false');
    if (metadata !== undefined && metadata !== null && !isFields(metadata))
      throw wrong('metadata', 'an object');
    const hasFormat = isFields(response_format) && typeof response_format.type === 'string';
    const kept = Object.entries(metadata ?? {}).filter(([name]) => !name.startsWith('pointsman_'));
    return {
      model,
      stream: stream === true,
      metadata: metadata ?? {},
      request: {
        messages: messages as unknown as readonly Message[],
        ...(Array.isArray(tools) ? { tools } : {}),
        ...(hasFormat ? { responseFormat: response_format as { type: string } } : {}),
        parameters: {
          ...parameters,
          ...(kept.length > 0 ? { metadata: Object.fromEntries(kept) } : {}),
          ...(hasFormat || response_format === undefined ? {} : { response_format }),
        },
      },
    };
  },
  writer: (body) =>
    createChatWriter(isFields(body.stream_options) && body.stream_options.include_usage === true),
  problem: ({ code, message, param, status }) => ({ error: { message, type: typeOf(status), param, code } }),
};

function wrong(field: string, expected: string): Problem {
  return new Problem(
    400,
    'invalid_request',
    `\`${field}\` must be ${expected}. Mend the body of the request.`,
    {
      param: field,
    },
  );
}

function typeOf(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 402) return 'insufficient_quota';
  if (status === 429) return 'rate_limit_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}

/** @param wantsUsage whether the client asked a stream for its usage: upstreams are always asked. */
function createChatWriter(wantsUsage: boolean): AnswerWriter {
  let sentDone = false;
  /** Pieces of an answer that did not come as this protocol's events; they are written when it is whole. */
  const held: AnswerChunk[] = [];
  const rawEvent = (text: string): string => {
    if (text.trimEnd() === DONE) sentDone = true;
    return !wantsUsage && isUsageAlone(text) ? '' : text;
  };
  return {
    whole(answer, facts) {
      if (isRawAnswer(answer.raw)) return answer.raw.text;
      return JSON.stringify(completionOf(answer, facts));
    },
    piece(chunk, facts) {
      if (isRawAnswer(chunk.raw)) return rawEvent(chunk.raw.text);
      if (chunk.finish === undefined) {
        if (chunkSays(chunk)) held.push(chunk);
        return '';
      }
      if (held.length === 0 && !isRawAnswer(chunk.finish.raw) && !chunkSays(chunk)) return '';
      const body = isRawAnswer(chunk.finish.raw) ? parsed(chunk.finish.raw.text) : undefined;
      return eventsOf(body ?? completionOf(answerOf([...held, chunk]), facts), wantsUsage);
    },
    end() {
      if (sentDone) return '';
      sentDone = true;
      return `${DONE}\n\n`;
    },
    broken: (problem) => event(chatCompletions.problem(problem)),
  };
}

const DONE = 'data: [DONE]';

/** Of the events of an upstream the one that has usage and nothing of the answer. Inside of texts, quotes are escaped. */
function isUsageAlone(text: string): boolean {
  return /"choices"\s*:\s*\[\s*\]/.test(text) && /"usage"\s*:\s*\{/.test(text);
}

function chunkSays({ reasoning, text, toolCall }: AnswerChunk): boolean {
  return (text ?? '') !== '' || (reasoning ?? '') !== '' || toolCall !== undefined;
}

function parsed(text: string): Fields | undefined {
  try {
    const body: unknown = JSON.parse(text);
    return isFields(body) ? body : undefined;
  } catch {
    return undefined;
  }
}

const FINISH_WORDS = {
  stop: 'stop',
  length: 'length',
  'tool-calls': 'tool_calls',
  'content-filter': 'content_filter',
  other: 'stop',
} as const;

/** A completion as OpenAI writes it, of an answer that came another way: from several candidates, a tool, in pieces. */
function completionOf(answer: Answer, { candidate, created, id }: AnswerFacts): Fields {
  const { finishReason, model, reasoning, text, toolCalls, usage } = answer;
  const calls = toolCalls.map(({ arguments: given, id: callId, name }) => ({
    id: callId,
    type: 'function',
    function: { name, arguments: given },
  }));
  const message = {
    role: 'assistant',
    content: text === '' && calls.length > 0 ? null : text,
    refusal: null,
    ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
  return {
    id: `chatcmpl-${id}`,
    object: 'chat.completion',
    created,
    model: model ?? candidate,
    choices: [{ index: 0, message, logprobs: null, finish_reason: FINISH_WORDS[finishReason] }],
    ...(usage === null ? {} : { usage: usageOf(usage) }),
  };
}

function usageOf({ cachedInputTokens = 0, inputTokens, outputTokens, reasoningTokens = 0 }: Usage): Fields {
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    prompt_tokens_details: { cached_tokens: cachedInputTokens },
    completion_tokens_details: { reasoning_tokens: reasoningTokens },
  };
}

/** Pieces that are all there, the last with `finish`. */
function answerOf(chunks: readonly AnswerChunk[]): Answer {
  const calls = new Map<number, { id: string; name: string; arguments: string }>();
  for (const { toolCall } of chunks) {
    if (toolCall === undefined) continue;
    const { arguments: more = '', id, index, name } = toolCall;
    const call = calls.get(index) ?? { id: '', name: '', arguments: '' };
    calls.set(index, { id: id ?? call.id, name: name ?? call.name, arguments: call.arguments + more });
  }
  const finish = chunks[chunks.length - 1].finish!;
  return {
    text: chunks.map(({ text = '' }) => text).join(''),
    reasoning: chunks.map(({ reasoning = '' }) => reasoning).join(''),
    toolCalls: [...calls].sort(([a], [b]) => a - b).map(([, call]) => call),
    finishReason: finish.reason,
    usage: finish.usage ?? null,
    costUsd: null,
    logprobs: null,
    model: finish.model ?? null,
  };
}

/** A whole completion as the events of a stream: of each choice what it says, then its end, then the usage of all. */
function eventsOf(completion: Fields, wantsUsage: boolean): string {
  const { choices, object: _, usage, ...rest } = completion;
  const chunk = (more: Fields) => event({ ...rest, object: 'chat.completion.chunk', ...more });
  const events: string[] = [];
  for (const choice of Array.isArray(choices) ? choices.filter(isFields) : []) {
    const { finish_reason, message, ...of } = choice;
    const { tool_calls: calls, ...said } = isFields(message) ? message : {};
    const indexed = Array.isArray(calls) ? calls.map((call, index) => ({ index, ...call })) : undefined;
    const delta = { ...said, ...(indexed === undefined ? {} : { tool_calls: indexed }) };
    events.push(chunk({ choices: [{ ...of, delta, finish_reason: null }] }));
    events.push(chunk({ choices: [{ index: of.index ?? 0, delta: {}, finish_reason }] }));
  }
  if (wantsUsage && usage !== undefined) events.push(chunk({ choices: [], usage }));
  return events.join('');
}
