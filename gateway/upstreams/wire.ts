import { UpstreamError, type Usage } from 'pointsman/execution';
import type { OpenAiClientOptions } from 'pointsman/openai';

/** What an API means by its bodies and events. */
export type Wire = NonNullable<OpenAiClientOptions['wire']>;
export type WireStream = ReturnType<Wire['openStream']>;
type Chunk = ReturnType<WireStream['read']>[number];
type ToolCallPiece = NonNullable<Chunk['toolCall']>;
export type FinishReason = NonNullable<Chunk['finish']>['reason'];
export type Fields = Readonly<Record<string, unknown>>;

/** What of a candidate goes into its bodies. */
export interface WireModel {
  readonly model: string;
  readonly defaults: Fields;
  readonly promptPrefix?: string;
}

/** Usage with what was put into a cache, which some bill apart. */
export interface BilledUsage extends Usage {
  /** Of the input, tokens that were put into the cache for five minutes, and for an hour. */
  readonly cacheWrites?: { readonly short: number; readonly long: number };
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {};
}

/** The object that a text is in JSON; undefined where it is none. */
export function parseFields(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isFields(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Levels of lists and objects in what clients send: no request of a model needs as many, and code that recurses bears them. */
export const DEEPEST = 200;

/** Whether lists and objects lie more than {@link DEEPEST} deep in each other. */
export function isTooDeep(value: unknown): boolean {
  let level: readonly unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth >= DEEPEST) return true;
    const inner: unknown[] = [];
    for (const each of level) {
      if (typeof each !== 'object' || each === null) continue;
      for (const child of Array.isArray(each) ? each : Object.values(each))
        if (typeof child === 'object' && child !== null) inner.push(child);
    }
    level = inner;
  }
  return false;
}

/** A text of a candidate's own before the client's. */
export function withPrefix(text: unknown, prefix: string): string {
  return typeof text === 'string' && text !== '' ? `${prefix}\n\n${text}` : prefix;
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(fieldsOf) : [];
}

/** Of a count that is not there, or cannot be one: 0. */
export function countOf(value: unknown): number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : 0;
}

/** Whether a body of usage says how much was read and written, and can be true. */
export function hasCounts({ input_tokens: input, output_tokens: output }: Fields): boolean {
  return [input, output].every((count) => Number.isInteger(count) && (count as number) >= 0);
}

/** JSON of what a tool is called with. */
export function argumentsOf(input: unknown): string {
  return typeof input === 'string' ? input : JSON.stringify(input ?? {});
}

/** A piece of a call, as a stream gives it. */
export function callPiece(index: number, more: Omit<ToolCallPiece, 'index'>): readonly Chunk[] {
  return [{ toolCall: { index, ...more } }];
}

/** What is said of an answer at its end, whole or in events. */
export function endOf(usage: BilledUsage | undefined, hasMedia: boolean, model: string) {
  return {
    ...(hasMedia ? { hasMedia } : {}),
    ...(usage === undefined ? {} : { usage }),
    model,
  };
}

export function notWhole(why: string): UpstreamError {
  return new UpstreamError(`The upstream ended its answer ${why}, which does not say that it is whole.`);
}
