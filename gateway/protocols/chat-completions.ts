import type { Usage } from 'pointsman/execution';
import type { Problem } from '../problem.ts';
import type { OtherAnswer } from '../upstreams/raw-answer.ts';
import { type Fields, isFields } from '../upstreams/wire.ts';
import { type Block, blocksOf, createBlockReader } from './blocks.ts';
import {
  type AnswerFacts,
  createAnswerWriter,
  type Ending,
  event,
  type PieceWriter,
  type Protocol,
  readCommon,
  readFormat,
  readMessages,
} from './protocol.ts';

/** OpenAI's `POST /v1/chat/completions`. */
export const chatCompletions: Protocol = {
  name: 'openai-chat',
  route: '/v1/chat/completions',
  read(body) {
    const { metadata, model, rest, stream, tools } = readCommon(body);
    const { messages, response_format, tools: _, ...parameters } = rest;
    const conversation = readMessages(messages);
    const format = readFormat(response_format);
    const isLeft = response_format !== undefined && format.responseFormat === undefined;
    return {
      model,
      stream,
      metadata,
      request: {
        messages: conversation,
        ...tools,
        ...format,
        parameters: { ...parameters, ...(isLeft ? { response_format } : {}) },
      },
    };
  },
  writer(body) {
    // Upstreams are always asked for it.
    const wantsUsage = isFields(body.stream_options) && body.stream_options.include_usage === true;
    return createAnswerWriter({
      compose: completionOf,
      open: (facts, model) => openChunks(facts, model, wantsUsage),
      events: (completion) => eventsOf(completion, wantsUsage),
      pass: (text) => (!wantsUsage && isUsageAlone(text) ? '' : text),
      end: `${DONE}\n\n`,
      isEnd: (text) => text.trimEnd() === DONE,
      broken: (problem) => event(openAiProblem(problem)),
    });
  },
  problem: openAiProblem,
};

/** An error as OpenAI writes it, in whichever of its APIs. */
export function openAiProblem({ code, message, param, status }: Problem): Fields {
  return { error: { message, type: typeOf(status), param, code } };
}

function typeOf(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 402) return 'insufficient_quota';
  if (status === 429) return 'rate_limit_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}

const DONE = 'data: [DONE]';

/** Of the events of an upstream the one that has usage and nothing of the answer. Inside of texts, quotes are escaped. */
function isUsageAlone(text: string): boolean {
  return /"choices"\s*:\s*\[\s*\]/.test(text) && /"usage"\s*:\s*\{/.test(text);
}

const FINISH_WORDS = {
  stop: 'stop',
  length: 'length',
  'tool-calls': 'tool_calls',
  'content-filter': 'content_filter',
  other: 'stop',
} as const;

/** A completion as OpenAI writes it, of an answer that came another way: translated, from several candidates, a tool. */
function completionOf(
  blocks: readonly Block[],
  { model, reason, usage }: Ending,
  { created, id }: AnswerFacts,
  others: readonly OtherAnswer[],
): Fields {
  return {
    id: `chatcmpl-${id}`,
    object: 'chat.completion',
    created,
    model,
    choices: [
      choiceOf(blocks, reason, 0),
      ...others.map((other, o) => choiceOf(blocksOf(other.chunks), other.reason, o + 1)),
    ],
    ...(usage === null ? {} : { usage: usageOf(usage) }),
  };
}

function choiceOf(blocks: readonly Block[], reason: Ending['reason'], index: number): Fields {
  const text = textsOf(blocks, 'text');
  const calls = blocks.filter((block) => block.kind === 'call');
  const reasoning = textsOf(blocks, 'reasoning');
  const signed = blocks.flatMap((block) => signedOf(block) ?? []);
  const files = blocks.filter((block) => block.kind === 'file');
  const message = {
    role: 'assistant',
    content: text === '' && calls.length > 0 ? null : text,
    refusal: null,
    ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
    ...(signed.length === 0 ? {} : { reasoning_details: signed }),
    ...(files.length === 0 ? {} : { images: files.map(imageOf) }),
    ...(calls.length === 0
      ? {}
      : {
          tool_calls: calls.map(({ id: callId, name, text: given }) => ({
            id: callId,
            type: 'function',
            function: { name, arguments: given },
          })),
        }),
  };
  return { index, message, logprobs: null, finish_reason: FINISH_WORDS[reason] };
}

function textsOf(blocks: readonly Block[], kind: 'text' | 'reasoning'): string {
  return blocks.map((block) => (block.kind === kind ? block.text : '')).join('');
}

/** Where clients that know of it keep what a provider wants back; it is sent as a part of the next turn. */
function signedOf(block: Block) {
  const data = block.kind === 'signed' ? block.text : block.kind === 'reasoning' ? block.signed : undefined;
  return data === undefined ? undefined : { type: 'reasoning.encrypted', data };
}

/** As OpenRouter and others give what a model has drawn. */
function imageOf({ mediaType, text }: Extract<Block, { kind: 'file' }>) {
  return { type: 'image_url', image_url: { url: `data:${mediaType};base64,${text}` } };
}

/** The same as events: of each piece one, then its end, then the usage. */
function openChunks({ created, id }: AnswerFacts, model: string, wantsUsage: boolean): PieceWriter {
  const chunk = (more: Fields) =>
    event({ id: `chatcmpl-${id}`, object: 'chat.completion.chunk', created, model, ...more });
  const delta = (said: Fields, finish: string | null = null) =>
    chunk({ choices: [{ index: 0, delta: said, logprobs: null, finish_reason: finish }] });
  let isBegun = false;
  const begin = () => {
    if (isBegun) return '';
    isBegun = true;
    return delta({ role: 'assistant', content: '', refusal: null });
  };
  const calls: Block[] = [];
  const reader = createBlockReader({
    begin(block) {
      if (block.kind !== 'call') return '';
      const call = { id: block.id, type: 'function', function: { name: block.name, arguments: '' } };
      return delta({ tool_calls: [{ index: calls.push(block) - 1, ...call }] });
    },
    more(block, _, text) {
      if (block.kind === 'text') return delta({ content: text });
      if (block.kind === 'reasoning') return delta({ reasoning_content: text });
      if (block.kind !== 'call') return '';
      return delta({ tool_calls: [{ index: calls.length - 1, function: { arguments: text } }] });
    },
    end(block) {
      const signed = signedOf(block);
      if (block.kind === 'file') return delta({ images: [imageOf(block)] });
      return signed === undefined ? '' : delta({ reasoning_details: [signed] });
    },
  });
  return {
    piece: (piece) => begin() + reader.add(piece),
    finish({ reason, usage }) {
      const said = begin() + reader.end() + delta({}, FINISH_WORDS[reason]);
      return wantsUsage && usage !== null ? said + chunk({ choices: [], usage: usageOf(usage) }) : said;
    },
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
