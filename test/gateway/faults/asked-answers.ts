import type { ProtocolName } from '../../../gateway/config/schema.ts';
import { PROTOCOLS } from '../../../gateway/create-gateway.ts';
import { type Fields, fieldsOf, parseFields } from '../../../gateway/upstreams/wire.ts';

/** A request whose answer is known before. */
export interface Asked {
  readonly id: number;
  readonly kind: ProtocolName | 'embeddings';
  readonly stream: boolean;
  /** Whether its answer is of megabytes. */
  readonly isLong: boolean;
}

/** What a client got. */
export interface Reply {
  readonly status: number;
  readonly text: string;
  /** Whether the connection broke before the body's own end. */
  readonly isCut: boolean;
}

/**
 * How a request ended: the right answer, or the protocol's own error; an error of another shape; a connection that broke without a word;
 * less than the answer as if it were all of it; something else as if it were the answer.
 */
export type Ending = 'answer' | 'error' | 'foreign error' | 'cut' | 'truncated' | 'wrong';

/** By the path at which it is asked. */
export const KINDS: Readonly<Record<string, Asked['kind']>> = {
  '/v1/chat/completions': 'openai-chat',
  '/v1/messages': 'anthropic',
  '/v1/responses': 'openai-responses',
  '/v1/embeddings': 'embeddings',
};

export const pathOf = (kind: Asked['kind']) => Object.keys(KINDS).find((path) => KINDS[path] === kind)!;

/** So many stand in no buffer between two sockets of a machine. */
const LONG_WORDS = 150_000;

/** Words of several bytes are among them. */
export function answerText({ id, isLong }: Pick<Asked, 'id' | 'isLong'>): string {
  return `Answer ${id}: ${`wörd😀${id % 100} `.repeat(isLong ? LONG_WORDS : 12)}end ${id}.`;
}

export function bodyOf({ id, isLong, kind, stream }: Asked, model: string): Fields {
  const question = `Question #${id}#${isLong ? ' at length' : ''}`;
  if (kind === 'embeddings') return { model, input: question };
  const rest = { model, stream, ...(kind === 'anthropic' ? { max_tokens: 100 } : {}) };
  if (kind === 'openai-responses') return { ...rest, input: question };
  return { ...rest, messages: [{ role: 'user', content: question }] };
}

/** What an upstream was asked for. */
export function readAsked(path: string, text: string): Asked {
  const kind = KINDS[path];
  const id = Number(/Question #(-?\d+)#/.exec(text)?.[1]);
  return { id, kind, stream: parseFields(text)?.stream === true, isLong: text.includes('# at length') };
}

const FACTS = { id: '1', candidate: 'served-1', created: 1 };
const USAGE = { inputTokens: 100, outputTokens: 10 };

/** The whole answer as an upstream sends it. @param text @default the right one */
export function wireAnswer(asked: Asked, stream = asked.stream, text = answerText(asked)): string {
  if (asked.kind === 'embeddings') return JSON.stringify(vectorsOf(asked.id, text !== ''));
  const protocol = PROTOCOLS.find(({ name }) => name === asked.kind)!;
  const writer = protocol.writer({ stream_options: { include_usage: true } });
  if (!stream) {
    const rest = { reasoning: '', toolCalls: [], costUsd: null, logprobs: null, model: 'served-1' } as const;
    return writer.whole({ text, finishReason: 'stop', usage: USAGE, ...rest }, FACTS);
  }
  const step = Math.max(1, Math.ceil(text.length / 20));
  for (let at = 0; at < text.length; at += step) writer.piece({ text: text.slice(at, at + step) }, FACTS);
  return writer.piece({ finish: { reason: 'stop', usage: USAGE } }, FACTS) + writer.end();
}

const vectorsOf = (id: number, isThere: boolean) => ({
  object: 'list',
  data: isThere
    ? [{ object: 'embedding', index: 0, embedding: Array.from({ length: 64 }, (_, i) => id + i / 64) }]
    : [],
  model: 'served-1',
  usage: { prompt_tokens: 100, total_tokens: 100 },
});

/** How it ended for a client that knows the protocol, and nothing else. */
export function endingOf(asked: Asked, { isCut, status, text }: Reply): Ending {
  if (status !== 200) {
    if (isCut) return 'cut';
    return isProblem(asked, parseFields(text)) ? 'error' : 'foreign error';
  }
  const { hasError, isWhole, said } = asked.stream ? readEvents(asked, text) : readWhole(asked, text);
  if (hasError) return 'error';
  const expected = asked.kind === 'embeddings' ? wireAnswer(asked) : answerText(asked);
  if (isWhole && said === expected) return 'answer';
  if (isCut) return 'cut';
  return isWhole && !expected.startsWith(said) ? 'wrong' : 'truncated';
}

function isProblem({ kind }: Asked, body: Fields | undefined): boolean {
  const { error, type } = body ?? {};
  const { message, type: of } = fieldsOf(error);
  return typeof message === 'string' && typeof of === 'string' && (kind !== 'anthropic' || type === 'error');
}

interface Said {
  readonly said: string;
  /** Whether it says itself that it is all. */
  readonly isWhole: boolean;
  readonly hasError: boolean;
}

function readWhole({ kind }: Asked, text: string): Said {
  const body = parseFields(text);
  if (body === undefined) return { said: '', isWhole: false, hasError: false };
  const first = (list: unknown) => fieldsOf(Array.isArray(list) ? list[0] : undefined);
  if (kind === 'embeddings') return { said: text, isWhole: true, hasError: false };
  const said = {
    'openai-chat': () => fieldsOf(first(body.choices).message).content,
    anthropic: () => first(body.content).text,
    'openai-responses': () => first(first(body.output).content).text,
  }[kind]();
  return { said: String(said ?? ''), isWhole: true, hasError: false };
}

function readEvents({ kind }: Asked, text: string): Said {
  let said = '';
  let isWhole = false;
  let hasError = false;
  let isGarbage = false;
  for (const [, data] of text.matchAll(/^data: ?(.*)$/gm)) {
    const parsed = parseFields(data);
    // An SDK would throw here.
    isGarbage ||= parsed === undefined && data.trim() !== '[DONE]';
    const fields = parsed ?? {};
    hasError ||= fields.type === 'error' || fields.type === 'response.failed' || 'error' in fields;
    isWhole ||=
      data.trim() === '[DONE]' || fields.type === 'message_stop' || fields.type === 'response.completed';
    const delta =
      kind === 'openai-chat'
        ? fieldsOf(fieldsOf(Array.isArray(fields.choices) ? fields.choices[0] : undefined).delta).content
        : kind === 'anthropic'
          ? fieldsOf(fields.delta).text
          : fields.type === 'response.output_text.delta'
            ? fields.delta
            : undefined;
    if (typeof delta === 'string') said += delta;
  }
  return isGarbage ? { said: GARBAGE, isWhole: true, hasError } : { said, isWhole, hasError };
}

/** No answer begins so. */
const GARBAGE = '\0';
