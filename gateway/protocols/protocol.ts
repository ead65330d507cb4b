import type { Message } from 'pointsman';
import type { Answer, AnswerChunk, Usage } from 'pointsman/execution';
import { Problem } from '../problem.ts';
import type { GatewayRequest } from '../upstreams/clients.ts';
import {
  isRawAnswer,
  isTranslated,
  type OtherAnswer,
  type TranslatedAnswer,
} from '../upstreams/raw-answer.ts';
import { type BilledUsage, type Fields, isFields, parseFields } from '../upstreams/wire.ts';
import { type Block, blocksOf, piecesOf } from './blocks.ts';

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

/** How an answer ended. */
export interface Ending {
  readonly reason: Answer['finishReason'];
  readonly usage: BilledUsage | null;
  readonly model: string;
  /** What it was stopped by, where that is known. */
  readonly stopSequence: string | null;
}

/** Writes an answer as it comes. */
export interface PieceWriter {
  piece(chunk: AnswerChunk): string;
  /** All but the event that ends the stream. */
  finish(ending: Ending): string;
}

/** How a protocol writes what did not come in its own words, and what it passes on. */
interface Wording {
  /** The whole body of an answer that came another way: translated, from several candidates, a tool. */
  compose(
    blocks: readonly Block[],
    ending: Ending,
    facts: AnswerFacts,
    others: readonly OtherAnswer[],
  ): Fields;
  /** The same as events. */
  open(facts: AnswerFacts, model: string): PieceWriter;
  /** A whole body of an upstream as the events of a stream, all but the one that ends it. */
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
export function createAnswerWriter({
  broken,
  compose,
  end,
  events,
  isEnd,
  open,
  pass,
}: Wording): AnswerWriter {
  let isEnded = end === '';
  let isPassedOn = false;
  let pieces: PieceWriter | undefined;
  /** Pieces that do not say yet who gave them: of an answer that was whole before, its last one does. */
  const held: AnswerChunk[] = [];
  const write = (chunk: AnswerChunk, facts: AnswerFacts) => {
    pieces ??= open(facts, isTranslated(chunk.raw) ? chunk.raw.model : facts.candidate);
    return pieces.piece(chunk);
  };
  return {
    whole(answer, facts) {
      if (isRawAnswer(answer.raw)) return answer.raw.text;
      const { finishReason: reason, model, raw, usage } = answer;
      return JSON.stringify(
        compose(
          blocksOf(piecesOf(answer)),
          endingOf({ reason, model, usage }, raw, facts),
          facts,
          othersOf(raw),
        ),
      );
    },
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
        if (isTranslated(raw)) return chunkSays(chunk) ? write(chunk, facts) : '';
        if (chunkSays(chunk)) held.push(chunk);
        return '';
      }
      if (isRawAnswer(finish.raw)) return events(parseFields(finish.raw.text) ?? {});
      const whole = isTranslated(finish.raw) ? (finish.raw as TranslatedAnswer) : undefined;
      // Of several, one event each: they are not told apart in pieces.
      if (whole?.others !== undefined)
        return events(
          compose(blocksOf(whole.chunks), endingOf(finish, finish.raw, facts), facts, whole.others),
        );
      const text = [...(whole?.chunks ?? held), chunk].map((each) => write(each, facts)).join('');
      return text + pieces!.finish(endingOf(finish, raw ?? finish.raw, facts));
    },
    end() {
      if (isEnded) return '';
      isEnded = true;
      return end;
    },
    broken,
  };
}

function othersOf(raw: unknown): readonly OtherAnswer[] {
  return isTranslated(raw) ? ((raw as TranslatedAnswer).others ?? []) : [];
}

function endingOf(
  {
    model,
    reason,
    usage,
  }: {
    readonly reason: Answer['finishReason'];
    readonly model?: string | null;
    readonly usage?: Usage | null;
  },
  raw: unknown,
  { candidate }: AnswerFacts,
): Ending {
  const stopSequence = isTranslated(raw) ? (raw.stopSequence ?? null) : null;
  return { reason, usage: usage ?? null, model: model || candidate, stopSequence };
}

function chunkSays({ raw, reasoning, text, toolCall }: AnswerChunk): boolean {
  if ((text ?? '') !== '' || (reasoning ?? '') !== '' || toolCall !== undefined) return true;
  return isTranslated(raw) && (raw.signed !== undefined || raw.file !== undefined);
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
