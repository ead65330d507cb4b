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

/** The version of the API that is asked for, unless `headers` of the upstream name another. */
const VERSION = '2023-06-01';

/** Anthropic's `POST /v1/messages`, as an upstream speaks it. The body is the client's own. */
export function createAnthropicWire({ defaults, model, promptPrefix }: WireModel): Wire {
  return {
    path: 'messages',
    headers: (key) => ({
      'anthropic-version': VERSION,
      ...(key === undefined ? {} : { 'x-api-key': key }),
    }),
    body({ messages: more = [], parameters = {} }, stream) {
      const body: Fields = { ...defaults, ...parameters };
      const said = Array.isArray(body.messages) ? body.messages.map(withoutSealed) : [];
      return {
        ...body,
        model,
        messages: more.length === 0 ? said : [...said, ...more],
        ...(promptPrefix === undefined ? {} : { system: systemOf(body.system, promptPrefix) }),
        stream,
      };
    },
    errorIn: (body) => (body.type === 'error' ? body : undefined),
    readWhole(body) {
      if (body.type !== 'message' || !Array.isArray(body.content))
        throw new MalformedAnswerError("The upstream gave no message. Check that it speaks Anthropic's API.");
      const finishReason = reasonOf(body.stop_reason);
      if (finishReason === undefined)
        throw new MalformedAnswerError('The upstream gave a message without a `stop_reason`.');
      const blocks = listOf(body.content);
      return {
        text: blocks.map((block) => (block.type === 'text' ? textOf(block.text) : '')).join(''),
        reasoning: blocks.map((block) => (block.type === 'thinking' ? textOf(block.thinking) : '')).join(''),
        toolCalls: blocks
          .filter(({ type }) => type === 'tool_use')
          .map(({ id, input, name }) => ({
            id: textOf(id),
            name: textOf(name),
            arguments: argumentsOf(input),
          })),
        finishReason,
        ...endOf(usageOf(fieldsOf(body.usage)), blocks.some(isOther), textOf(body.model)),
      };
    },
    openStream,
  };
}

/** Without what the gateway signed of another upstream's answer in this protocol: its own upstream would refuse it. */
function withoutSealed(message: unknown): unknown {
  const { content } = fieldsOf(message);
  if (!Array.isArray(content)) return message;
  const kept = content.filter((block) => {
    const { data, signature } = fieldsOf(block);
    return !isSealed(signature) && !isSealed(data);
  });
  return kept.length === content.length ? message : { ...fieldsOf(message), content: kept };
}

/** A text before all others; blocks of the client keep what they say of caching. */
function systemOf(system: unknown, prefix: string): unknown {
  return Array.isArray(system) ? [{ type: 'text', text: prefix }, ...system] : withPrefix(system, prefix);
}

const REASONS: Readonly<Record<string, FinishReason>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool-calls',
  refusal: 'content-filter',
};

/** Undefined as long as it is not finished. */
function reasonOf(word: unknown): FinishReason | undefined {
  if (typeof word !== 'string' || word === '') return undefined;
  if (/error|abort|cancel/i.test(word)) throw notWhole('with an error for `stop_reason`');
  return Object.hasOwn(REASONS, word) ? REASONS[word] : 'other';
}

/** Blocks of tools that the upstream runs itself, and what else is neither words nor a call: something was said. */
function isOther({ type }: Fields): boolean {
  return type !== 'text' && type !== 'thinking' && type !== 'redacted_thinking' && type !== 'tool_use';
}

/** Anthropic counts what comes from the cache, and what goes there, beside `input_tokens`. */
function usageOf(usage: Fields): BilledUsage | undefined {
  if (!hasCounts(usage)) return undefined;
  const cached = countOf(usage.cache_read_input_tokens);
  const written = countOf(usage.cache_creation_input_tokens);
  const long = Math.min(written, countOf(fieldsOf(usage.cache_creation).ephemeral_1h_input_tokens));
  return {
    inputTokens: (usage.input_tokens as number) + cached + written,
    outputTokens: usage.output_tokens as number,
    ...(cached > 0 ? { cachedInputTokens: cached } : {}),
    ...(written > 0 ? { cacheWrites: { short: written - long, long } } : {}),
  };
}

function openStream(): WireStream {
  let model = '';
  let usage: Fields = {};
  let reason: FinishReason | undefined;
  let hasMedia = false;
  let isOver = false;
  /** Calls that are open, by the number of their block: whether anything of their arguments came. */
  const calls = new Map<number, boolean>();
  const begin = (index: number, block: Fields) => {
    if (isOther(block)) hasMedia = true;
    if (block.type === 'text' && block.text !== '') return [{ text: textOf(block.text) }];
    if (block.type === 'thinking' && block.thinking !== '') return [{ reasoning: textOf(block.thinking) }];
    if (block.type !== 'tool_use') return [];
    // Some that speak this protocol give the whole call here.
    const given = Object.keys(fieldsOf(block.input)).length > 0 ? argumentsOf(block.input) : '';
    calls.set(index, given !== '');
    return callPiece(index, { id: textOf(block.id), name: textOf(block.name), arguments: given });
  };
  const go = (index: number, { partial_json: json, text, thinking, type }: Fields) => {
    if (type === 'text_delta') return [{ text: textOf(text) }];
    if (type === 'thinking_delta') return [{ reasoning: textOf(thinking) }];
    if (type !== 'input_json_delta' || !calls.has(index) || textOf(json) === '') return [];
    calls.set(index, true);
    return callPiece(index, { arguments: textOf(json) });
  };
  return {
    read(event) {
      const index = countOf(event.index);
      switch (event.type) {
        case 'message_start': {
          const message = fieldsOf(event.message);
          model = textOf(message.model);
          usage = fieldsOf(message.usage);
          return [];
        }
        case 'content_block_start':
          return begin(index, fieldsOf(event.content_block));
        case 'content_block_delta':
          return go(index, fieldsOf(event.delta));
        case 'content_block_stop':
          // A tool without arguments is called with none.
          return calls.get(index) === false ? callPiece(index, { arguments: '{}' }) : [];
        case 'message_delta': {
          // Counts of the whole message so far; what is not named again is as it was.
          const counts = Object.entries(fieldsOf(event.usage)).filter(([, count]) => count !== null);
          usage = { ...usage, ...Object.fromEntries(counts) };
          reason = reasonOf(fieldsOf(event.delta).stop_reason) ?? reason;
          return [];
        }
        case 'message_stop':
          isOver = true;
          return [];
        default:
          return [];
      }
    },
    finish() {
      return reason === undefined ? undefined : { reason, ...endOf(usageOf(usage), hasMedia, model) };
    },
    get isOver() {
      return isOver;
    },
  };
}
