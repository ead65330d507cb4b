import type { Message } from 'pointsman';
import type { Answer, Usage } from 'pointsman/execution';
import { type Fields, isFields } from '../upstreams/wire.ts';
import {
  type AnswerFacts,
  createAnswerWriter,
  namedEvent,
  type Protocol,
  readCommon,
  readFormat,
  readMessages,
  wrong,
} from './protocol.ts';

/** Anthropic's `POST /v1/messages`. */
export const anthropicMessages: Protocol = {
  name: 'anthropic',
  route: '/v1/messages',
  read(body) {
    const { metadata, model, rest, stream, tools } = readCommon(body);
    const { messages, output_config, output_format, system } = rest;
    const conversation = readMessages(messages);
    if (system !== undefined && system !== null && typeof system !== 'string' && !Array.isArray(system))
      throw wrong('system', 'a text or a list of blocks');
    const before = system === undefined || system === null ? [] : [{ role: 'system', content: system }];
    const all = [...before, ...conversation] as readonly Message[];
    const format = isFields(output_config) ? output_config.format : output_format;
    return {
      model,
      stream,
      metadata,
      request: {
        protocol: 'anthropic',
        messages: all,
        said: all.length,
        ...tools,
        ...readFormat(format),
        parameters: rest,
      },
    };
  },
  writer: () =>
    createAnswerWriter({
      compose: messageOf,
      events: eventsOf,
      pass: (text) => text,
      end: namedEvent({ type: 'message_stop' }),
      isEnd: (text) => END.test(text),
      broken: (problem) => `event: error\ndata: ${JSON.stringify(anthropicMessages.problem(problem))}\n\n`,
    }),
  problem: ({ code, message, param, status }) => ({
    type: 'error',
    error: { type: ERROR_TYPES[status] ?? typeOf(status), message, param, code },
    request_id: null,
  }),
};

/** By its name, or by its data alone. */
const END = /^(event: ?message_stop\s*$|data: ?\{\s*"type"\s*:\s*"message_stop")/m;

/** Anthropic's own names of errors, by their status. */
const ERROR_TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  504: 'timeout_error',
};

const typeOf = (status: number) => (status >= 500 ? 'api_error' : 'invalid_request_error');

const STOP_REASONS = {
  stop: 'end_turn',
  length: 'max_tokens',
  'tool-calls': 'tool_use',
  'content-filter': 'refusal',
  other: 'end_turn',
} as const;

/** A message as Anthropic writes it. Thoughts are left out: without their signature nobody takes them back. */
function messageOf(answer: Answer, { candidate, id }: AnswerFacts): Fields {
  const { finishReason, model, text, toolCalls, usage } = answer;
  return {
    id: `msg_${id}`,
    type: 'message',
    role: 'assistant',
    model: model || candidate,
    content: [
      ...(text === '' ? [] : [{ type: 'text', text, citations: null }]),
      ...toolCalls.map((call) => ({
        type: 'tool_use',
        id: call.id,
        name: call.name,
        input: inputOf(call.arguments),
        caller: { type: 'direct' },
      })),
    ],
    stop_reason: STOP_REASONS[finishReason],
    stop_sequence: null,
    stop_details: null,
    container: null,
    diagnostics: null,
    usage: usageOf(usage),
  };
}

/** What a tool is called with, as JSON; what is none, as it was written. */
function inputOf(written: string): unknown {
  if (written.trim() === '') return {};
  try {
    return JSON.parse(written);
  } catch {
    return written;
  }
}

const UNKNOWN_USAGE = {
  cache_creation: null,
  inference_geo: null,
  output_tokens_details: null,
  server_tool_use: null,
  service_tier: null,
  speed: null,
};

function usageOf(usage: Usage | null): Fields {
  const { cachedInputTokens: cached = 0, inputTokens = 0, outputTokens = 0 } = usage ?? {};
  return {
    ...UNKNOWN_USAGE,
    input_tokens: inputTokens - cached,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cached,
    output_tokens: outputTokens,
  };
}

/** A whole message as the events of a stream: each block in one piece. */
function eventsOf(message: Fields): string {
  const { content, stop_reason, stop_sequence, usage, ...rest } = message;
  const blocks = Array.isArray(content) ? content.filter(isFields) : [];
  const counts = isFields(usage) ? usage : {};
  return [
    namedEvent({
      type: 'message_start',
      message: {
        ...rest,
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: { ...counts, output_tokens: 0 },
      },
    }),
    ...blocks.flatMap((block, index) => {
      const { begun, deltas } = inPieces(block);
      return [
        namedEvent({ type: 'content_block_start', index, content_block: begun }),
        ...deltas.map((delta) => namedEvent({ type: 'content_block_delta', index, delta })),
        namedEvent({ type: 'content_block_stop', index }),
      ];
    }),
    namedEvent({
      type: 'message_delta',
      delta: { stop_reason, stop_sequence: stop_sequence ?? null },
      usage: { ...counts },
    }),
  ].join('');
}

/** A block as it begins, and what then comes of it. */
function inPieces(block: Fields): { readonly begun: Fields; readonly deltas: readonly Fields[] } {
  switch (block.type) {
    case 'text': {
      const citations = Array.isArray(block.citations) ? block.citations : [];
      return {
        begun: { ...block, text: '', ...(citations.length === 0 ? {} : { citations: [] }) },
        deltas: [
          { type: 'text_delta', text: block.text },
          ...citations.map((citation) => ({ type: 'citations_delta', citation })),
        ],
      };
    }
    case 'thinking':
      return {
        begun: { ...block, thinking: '', signature: '' },
        deltas: [
          { type: 'thinking_delta', thinking: block.thinking },
          { type: 'signature_delta', signature: block.signature },
        ],
      };
    case 'tool_use':
    case 'server_tool_use':
      return {
        begun: { ...block, input: {} },
        deltas: [{ type: 'input_json_delta', partial_json: JSON.stringify(block.input ?? {}) }],
      };
    default:
      return { begun: block, deltas: [] };
  }
}
