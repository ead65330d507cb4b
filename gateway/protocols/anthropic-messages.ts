import type { Message } from 'pointsman';
import { UNSIGNED } from '../upstreams/raw-answer.ts';
import { type BilledUsage, type Fields, isFields } from '../upstreams/wire.ts';
import { type Block, createBlockReader } from './blocks.ts';
import {
  type AnswerFacts,
  createAnswerWriter,
  type Ending,
  namedEvent,
  type PieceWriter,
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
      open: openEvents,
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

/** A message as Anthropic writes it. */
function messageOf(
  blocks: readonly Block[],
  { model, reason, stopSequence, usage }: Ending,
  { id }: AnswerFacts,
): Fields {
  return {
    id: `msg_${id}`,
    type: 'message',
    role: 'assistant',
    model,
    content: blocks.map(blockOf),
    stop_reason: stopReasonOf(reason, stopSequence),
    stop_sequence: stopSequence,
    stop_details: null,
    container: null,
    diagnostics: null,
    usage: usageOf(usage),
  };
}

function stopReasonOf(reason: Ending['reason'], stopSequence: string | null): string {
  return reason === 'stop' && stopSequence !== null ? 'stop_sequence' : STOP_REASONS[reason];
}

function blockOf(block: Block): Fields & { readonly type: string } {
  switch (block.kind) {
    case 'reasoning':
      return { type: 'thinking', thinking: block.text, signature: block.signed ?? UNSIGNED };
    case 'signed':
      return { type: 'redacted_thinking', data: block.text };
    case 'call':
      return {
        type: 'tool_use',
        id: block.id,
        name: block.name,
        input: inputOf(block.text),
        caller: { type: 'direct' },
      };
    // A file is refused before, where it is translated.
    default:
      return { type: 'text', text: block.text, citations: null };
  }
}

/** The same as events. */
function openEvents({ id }: AnswerFacts, model: string): PieceWriter {
  let isBegun = false;
  const begin = () => {
    if (isBegun) return '';
    isBegun = true;
    const { content, ...rest } = messageOf(
      [],
      { model, reason: 'other', stopSequence: null, usage: null },
      {
        id,
        candidate: model,
        created: 0,
      },
    );
    return namedEvent({ type: 'message_start', message: { ...rest, content, stop_reason: null } });
  };
  const delta = (index: number, said: Fields) =>
    namedEvent({ type: 'content_block_delta', index, delta: said });
  const reader = createBlockReader({
    begin(block, index) {
      // What is signed without words comes in one piece, when it is there.
      if (block.kind === 'signed') return '';
      return namedEvent({
        type: 'content_block_start',
        index,
        content_block: inPieces(blockOf(block)).begun,
      });
    },
    more(block, index, text) {
      if (block.kind === 'text') return delta(index, { type: 'text_delta', text });
      if (block.kind === 'reasoning') return delta(index, { type: 'thinking_delta', thinking: text });
      return block.kind === 'call' ? delta(index, { type: 'input_json_delta', partial_json: text }) : '';
    },
    end(block, index) {
      const signature =
        block.kind === 'reasoning'
          ? delta(index, { type: 'signature_delta', signature: block.signed ?? UNSIGNED })
          : '';
      const begun =
        block.kind === 'signed'
          ? namedEvent({ type: 'content_block_start', index, content_block: blockOf(block) })
          : '';
      return begun + signature + namedEvent({ type: 'content_block_stop', index });
    },
  });
  return {
    piece: (piece) => begin() + reader.add(piece),
    finish({ reason, stopSequence, usage }) {
      const ended = { stop_reason: stopReasonOf(reason, stopSequence), stop_sequence: stopSequence };
      const counts = usageOf(usage);
      return (
        begin() +
        reader.end() +
        namedEvent({
          type: 'message_delta',
          delta: { container: null, stop_details: null, ...ended },
          usage: counts,
        })
      );
    },
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

function usageOf(usage: BilledUsage | null): Fields {
  const { cachedInputTokens: cached = 0, cacheWrites, inputTokens = 0, outputTokens = 0 } = usage ?? {};
  const written = (cacheWrites?.short ?? 0) + (cacheWrites?.long ?? 0);
  return {
    ...UNKNOWN_USAGE,
    input_tokens: Math.max(0, inputTokens - cached - written),
    cache_creation_input_tokens: written,
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
