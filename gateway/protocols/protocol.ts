import type { Message } from 'pointsman';
import type { Answer, AnswerChunk } from 'pointsman/execution';
import { Problem } from '../problem.ts';
import { type GatewayRequest, isRawAnswer } from '../upstreams/clients.ts';
import { type Fields, isFields, parseFields } from '../upstreams/wire.ts';

/** What a body of any protocol asks for. */
export interface AskedAnswer {
  readonly model: string;
  readonly request: GatewayRequest;
  readonly stream: boolean;
  /** Hints may stand here, under names that begin with `pointsman_`; they are not in `request` any more. */
  readonly metadata: Fields;
}

/** What is known of an answer beside what was said. */
export interface AnswerFacts {
  /** Of the decision. */
  readonly id: string;
  readonly candidate: string;
  /** Seconds since 1970. */
  readonly created: number;
}

/** The answer of one request, written as its protocol has it. */
export interface AnswerWriter {
  /** A whole answer: the upstream's own text where it is of this protocol. */
  whole(answer: Answer, facts: AnswerFacts): string;
  /** A piece of a stream as events; '' for nothing to send yet. */
  piece(chunk: AnswerChunk, facts: AnswerFacts): string;
  /** What a stream ends with when its answer is whole; '' where that was sent already. */
  end(): string;
  /** The event that ends a stream which broke. */
  broken(problem: Problem): string;
}

/** One way to ask for answers over HTTP. */
export interface Protocol {
  readonly name: NonNullable<GatewayRequest['protocol']>;
  /** Its path, such as `/v1/chat/completions`. */
  readonly route: string;
  /** @throws Problem when the body asks for nothing that can be answered. */
  read(body: Fields): AskedAnswer;
  writer(body: Fields): AnswerWriter;
  /** The body of an error. */
  problem(problem: Problem): unknown;
}

/** An event without a name, and its empty line. */
export function event(data: unknown): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}

/** An event that is named after its type. */
export function namedEvent(data: Fields & { readonly type: string }): string {
  return `event: ${data.type}\n${event(data)}`;
}

/** How a protocol writes what did not come in its own words, and what it passes on. */
interface Wording {
  /** The whole body of an answer that came another way: from several candidates, a tool, in pieces. */
  compose(answer: Answer, facts: AnswerFacts): Fields;
  /** A whole body as the events of a stream, all but the one that ends it. */
  events(body: Fields): string;
  /** What is sent for an event of an upstream that speaks the protocol. */
  pass(text: string): string;
  /** The event that ends a stream; '' where the events say so themselves. */
  readonly end: string;
  /** Whether an event of an upstream is that one. */
  isEnd(text: string): boolean;
  broken(problem: Problem): string;
}

/** Passes on what an upstream sent as it is, and writes the rest. */
export function createAnswerWriter({ broken, compose, end, events, isEnd, pass }: Wording): AnswerWriter {
  let isEnded = end === '';
  let isPassedOn = false;
  /** Pieces of an answer that did not come as this protocol's events; they are written when it is whole. */
  const held: AnswerChunk[] = [];
  return {
    whole: (answer, facts) =>
      isRawAnswer(answer.raw) ? answer.raw.text : JSON.stringify(compose(answer, facts)),
    piece(chunk, facts) {
      const { finish, raw } = chunk;
      if (isRawAnswer(raw)) {
        isPassedOn = true;
        isEnded ||= isEnd(raw.text);
        return pass(raw.text);
      }
      // Of an event that says several things, the first piece held all of it.
      if (isPassedOn) return '';
      if (finish === undefined) {
        if (chunkSays(chunk)) held.push(chunk);
        return '';
      }
      if (held.length === 0 && !isRawAnswer(finish.raw) && !chunkSays(chunk)) return '';
      const body = isRawAnswer(finish.raw) ? parseFields(finish.raw.text) : undefined;
      return events(body ?? compose(answerOf([...held, chunk]), facts));
    },
    end() {
      if (isEnded) return '';
      isEnded = true;
      return end;
    },
    broken,
  };
}

function chunkSays({ reasoning, text, toolCall }: AnswerChunk): boolean {
  return (text ?? '') !== '' || (reasoning ?? '') !== '' || toolCall !== undefined;
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

export function wrong(field: string, expected: string): Problem {
  return new Problem(
    400,
    'invalid_request',
    `\`${field}\` must be ${expected}. Mend the body of the request.`,
    {
      param: field,
    },
  );
}

/** @throws Problem when a conversation is none. */
export function readMessages(messages: unknown): readonly Message[] {
  if (!Array.isArray(messages) || messages.length === 0 || !messages.every(isFields))
    throw wrong('messages', 'a list of messages, at least one');
  return messages as unknown as readonly Message[];
}

/** The form that an answer must have, where it is one that has a name. */
export function readFormat(format: unknown): Pick<GatewayRequest, 'responseFormat'> {
  return isFields(format) && typeof format.type === 'string'
    ? { responseFormat: format as { type: string } }
    : {};
}

/**
 * What every protocol asks in the same fields; `rest` is what is left of the body.
 *
 * @throws Problem when one of them cannot be.
 */
export function readCommon(body: Fields) {
  const { metadata, model = 'auto', stream, ...rest } = body;
  if (typeof model !== 'string' || model === '') throw wrong('model', 'a name, such as "auto"');
  const { tools } = rest;
  if (tools !== undefined && tools !== null && !Array.isArray(tools)) throw wrong('tools', 'a list');
  if (stream !== undefined && stream !== null && typeof stream !== 'boolean')
    throw wrong('stream', 'true or false');
  if (metadata !== undefined && metadata !== null && !isFields(metadata))
    throw wrong('metadata', 'an object');
  const kept = Object.entries(metadata ?? {}).filter(([name]) => !name.startsWith('pointsman_'));
  return {
    model,
    stream: stream === true,
    metadata: metadata ?? {},
    tools: Array.isArray(tools) ? { tools: tools as readonly unknown[] } : {},
    rest: { ...rest, ...(kept.length > 0 ? { metadata: Object.fromEntries(kept) } : {}) } as Fields,
  };
}
