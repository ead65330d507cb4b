import type { Answer, AnswerChunk } from 'pointsman/execution';
import type { Problem } from '../problem.ts';
import type { GatewayRequest } from '../upstreams/clients.ts';

export type Fields = Readonly<Record<string, unknown>>;

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
  /** Its path, such as `/v1/chat/completions`. */
  readonly route: string;
  /** @throws Problem when the body asks for nothing that can be answered. */
  read(body: Fields): AskedAnswer;
  writer(body: Fields): AnswerWriter;
  /** The body of an error. */
  problem(problem: Problem): unknown;
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An event without a name, and its empty line. */
export function event(data: unknown): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}
