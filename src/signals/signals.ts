import * as v from 'valibot';
import { importPackage } from '../errors.ts';
import { mean } from '../math.ts';
import { MODALITIES, type Modality, type Prompt, type Request } from '../request.ts';
import { countRequestTokens, type TokenCounter } from '../tokens.ts';
import { amount, count, record, share, strictObject } from '../validate.ts';

/** How busy a candidate is. */
export interface CandidateLoad {
  readonly inFlight: number;
  /** Milliseconds; null before the first answer. */
  readonly recentLatencyMs: number | null;
}

/** What a signal is in the expressions of rules: a type of CEL. What is null there is infinite. */
export type CelType =
  | 'bool'
  | 'double'
  | 'int'
  | 'list<string>'
  | 'map<string, map<string, double>>'
  | 'string';

/** A task and its probability. */
export interface TaskGuess {
  readonly task: string;
  readonly confidence: number;
  /** Of every task that was learned, in their order, where the router has a classifier of its own. The next guess overwrites it. */
  readonly posterior?: Float32Array;
}

/** One request, and what has been found out about it. */
export interface SignalInput {
  /** Undefined when there is an embedding alone. */
  readonly request: Request | undefined;
  readonly prompt: Prompt;
  readonly modalities: readonly Modality[];
  /** Calibrated success of each candidate, `[candidates]`. */
  readonly success: Float64Array;
  /** Asks the router's own classifier; undefined where it has none. */
  readonly classifyTask: (() => TaskGuess) | undefined;
  readonly candidates: readonly string[];
}

/** What signals are read from. What takes a look at the text is done once, when it is first asked for. */
export interface SignalReader {
  readonly input: SignalInput;
  readonly sources: SignalSources;
  /** Whether the caller said what the task is. */
  readonly isTaskGiven: boolean;
  task(): TaskGuess;
  /** Shares of visible characters inside code, and inside formulas, 0 to 1. */
  codeAndMaths(): { readonly codeShare: number; readonly mathsShare: number };
}

/** One signal. */
interface Signal<T> {
  /** Its type in rules. */
  readonly cel: CelType;
  /** The shape of what the caller may set. */
  readonly schema: v.GenericSchema<unknown, T>;
  /** What it is when the caller does not set it. */
  readonly read: (reader: SignalReader) => T;
}

function signal<T>(
  cel: CelType,
  schema: v.GenericSchema<unknown, T>,
  read: (reader: SignalReader) => NoInfer<T>,
): Signal<T> {
  return { cel, schema, read };
}

const word = v.pipe(v.string(), v.maxLength(200));
const quality = v.picklist(['draft', 'standard', 'high', 'production']);
const modalities: v.GenericSchema<unknown, readonly Modality[]> = v.pipe(
  v.array(v.picklist(MODALITIES)),
  v.maxLength(MODALITIES.length),
);
const loads: v.GenericSchema<unknown, Readonly<Record<string, CandidateLoad>>> = record(
  strictObject({ inFlight: count, recentLatencyMs: v.nullable(amount) }),
);

/** Nothing is known of it but in a conversation, where src/router/conversation.ts sets it as a caller would. */
const ofConversation = signal('int', count, () => 0);

/** Every signal, by its name in rules and in what the caller sets. */
export const SIGNALS = {
  /** Kind of task, by the router's own classifier or by rules. */
  task: signal('string', word, (reader) => reader.task().task),
  /** Probability of that task, 0 to 1. */
  taskConfidence: signal('double', share, (reader) => (reader.isTaskGiven ? 1 : reader.task().confidence)),
  /** How hard it is: 1 minus the mean calibrated success of all candidates, 0 to 1. */
  complexity: signal('double', share, ({ input }) => 1 - mean(input.success)),
  /** Length of the whole request in tokens: messages, calls and results of tools, definitions of tools. */
  tokens: signal('int', count, ({ input: { request }, sources }) =>
    request === undefined ? 0 : countRequestTokens(request, sources.countTokens),
  ),
  /** ISO 639-1 code of the prompt's language; 'und' where it is not known. */
  language: signal(
    'string',
    word,
    ({ input, sources }) => sources.detectLanguage?.(input.prompt.text) ?? 'und',
  ),
  /** Share of visible characters that are inside code, 0 to 1. */
  codeShare: signal('double', share, (reader) => reader.codeAndMaths().codeShare),
  /** Share of visible characters that are inside formulas, 0 to 1. */
  mathsShare: signal('double', share, (reader) => reader.codeAndMaths().mathsShare),
  /** Kinds of content in the messages. */
  modalities: signal('list<string>', modalities, ({ input }) => input.modalities),
  /** Tools offered. */
  tools: signal('int', count, ({ input }) => input.prompt.tools),
  /** Whether JSON was asked for through the response format. */
  structured: signal('bool', v.boolean(), ({ input }) => input.prompt.structured),
  /** Messages in the conversation. */
  turns: signal('int', count, ({ input }) => input.prompt.turns),
  /** Which of the things that the user asked this is, from 1 on. */
  userTurn: ofConversation,
  /** Results of tools since the user last asked. */
  toolResults: ofConversation,
  /** Those of them that are errors. */
  toolErrors: ofConversation,
  /** How often the newest call of a tool had been made before, since the user last asked. */
  stall: ofConversation,
  /** Tokens of the conversation so far. */
  conversationTokens: ofConversation,
  /** How good an answer has to be. @default 'standard' */
  quality: signal('string', quality, () => 'standard' as const),
  /** Milliseconds the caller has; null: no limit. */
  latencyBudgetMs: signal('double', v.nullable(amount), () => null),
  /** US dollars the caller will pay; null: no limit. */
  costBudgetUsd: signal('double', v.nullable(amount), () => null),
  /** The user's tier, in the product's own words; '' where it is not known. */
  tier: signal('string', word, () => ''),
  /** How busy each candidate is, by name. */
  load: signal('map<string, map<string, double>>', loads, ({ input, sources }) =>
    loadOf(input.candidates, sources),
  ),
};

/** Own properties whatever the name. */
function loadOf(candidates: readonly string[], { load }: SignalSources): Record<string, CandidateLoad> {
  return Object.fromEntries(
    candidates.map((name) => [
      name,
      { inFlight: load?.inFlight(name) ?? 0, recentLatencyMs: load?.recentLatencyMs(name) ?? null },
    ]),
  );
}

/** What can be seen of a request before anything answers it. The caller may set any of them: see docs/signals.md. */
export type Signals = {
  readonly [Name in keyof typeof SIGNALS]: ReturnType<(typeof SIGNALS)[Name]['read']>;
};

/** How good an answer has to be: what it is for. */
export type QualityRequirement = Signals['quality'];

/** More tells nothing new, and takes time. */
const LONGEST = 1_000;

/**
 * A detector for 60 languages, by the package `eld`. Without one, the language of every request is 'und'.
 *
 * @param library the module `eld/small` itself, where it is bundled; else it is imported.
 * @throws MissingPackageError when `eld` is not installed.
 * @example
 * const router = await loadRouter('models/support', { detectLanguage: await loadLanguageDetector() });
 */
export async function loadLanguageDetector(library?: LanguageLibrary): Promise<LanguageDetector> {
  const { eld } =
    library ?? (await importPackage<LanguageLibrary>('eld/small', 'Detecting the language of a prompt'));
  return (text) => {
    const found = eld.detect(text.slice(0, LONGEST));
    return found.language === '' ? 'und' : found.language;
  };
}

/** The part of `eld` that is used. */
export interface LanguageLibrary {
  readonly eld: { detect(text: string): { readonly language: string } };
}

/** ISO 639-1 code of a text's language; 'und' when it cannot tell. Must not throw. */
export type LanguageDetector = (text: string) => string;

/** What signals are computed with, beside the request. */
export interface SignalSources {
  /** Such as `loadTokenCounter()` gives. @default an estimate, some 4 % off */
  readonly countTokens?: TokenCounter;
  /** Such as `loadLanguageDetector()` gives. @default every language is 'und' */
  readonly detectLanguage?: LanguageDetector;
  /** How busy the candidates are: the executor's. @default nothing is in flight */
  readonly load?: LoadView;
}

/** How busy the candidates are, as the executor sees it. Reading it must be cheap: it is asked at every decision. */
export interface LoadView {
  /** Requests on their way to this candidate now; 0 for one that is not known. */
  inFlight(candidate: string): number;
  /** Recent latency in milliseconds, a moving average over its last answers; null before the first. */
  recentLatencyMs(candidate: string): number | null;
}

/** Byte-pair encodings of OpenAI's models; others' counts come close. `o200k_base`: GPT-4o and later. */
export type TokenEncoding = 'o200k_base' | 'cl100k_base';

/** The part of an encoding of `gpt-tokenizer` that is used. */
export interface TokenLibrary {
  countTokens(text: string, options: { readonly disallowedSpecial: Set<string> }): number;
}

/**
 * A counter that tells tokens exactly, by the package `gpt-tokenizer`; without one they are estimated. Its time is linear
 * in the text: runs of over {@link LONGEST_RUN} letters, spaces or marks, for which the package's is quadratic, are counted
 * in pieces, which adds at most one token a piece.
 *
 * @param encoding its name, or the module of it, such as `gpt-tokenizer/encoding/o200k_base`, where it is bundled.
 * @throws MissingPackageError when `gpt-tokenizer` is not installed.
 * @example
 * const router = await loadRouter('models/support', { countTokens: await loadTokenCounter() });
 */
export async function loadTokenCounter(
  encoding: TokenEncoding | TokenLibrary = 'o200k_base',
): Promise<TokenCounter> {
  // Text that looks like a special token is text.
  const asText = { disallowedSpecial: new Set<string>() };
  const { countTokens } =
    typeof encoding === 'object'
      ? encoding
      : await importPackage<TokenLibrary>(`gpt-tokenizer/encoding/${encoding}`, 'Counting tokens exactly');
  return (text) => {
    let tokens = 0;
    let start = 0;
    for (const end of cuts(text)) {
      tokens += countTokens(text.slice(start, end), asText);
      start = end;
    }
    return tokens + countTokens(start === 0 ? text : text.slice(start), asText);
  };
}

/** UTF-16 units. Words are shorter, also where none are spaced, as there is punctuation between. */
const LONGEST_RUN = 128;

/** Where to cut runs of one kind of character that are too long. Digits are cut by the encodings themselves. */
function cuts(text: string): number[] {
  const found: number[] = [];
  let run = 0;
  let before = -1;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    const kind = kindOf(unit);
    run = kind === before && kind !== DIGIT ? run + 1 : 1;
    before = kind;
    if (run <= LONGEST_RUN || splitsPair(text, i)) continue;
    found.push(i);
    run = 1;
  }
  return found;
}

function splitsPair(text: string, at: number): boolean {
  return isHalf(text.charCodeAt(at), 0xdc00) && isHalf(text.charCodeAt(at - 1), 0xd800);
}

function isHalf(unit: number, from: number): boolean {
  return unit >= from && unit < from + 0x400;
}

const SPACE = 0;
const LETTER = 1;
const MARK = 2;
const DIGIT = 3;

function kindOf(unit: number): number {
  if (unit <= 32) return SPACE;
  if (unit < 128 && (unit | 32) >= 97 && (unit | 32) <= 122) return LETTER;
  if (unit >= 48 && unit < 58) return DIGIT;
  if (unit < 128 || (unit >= 0x2000 && unit < 0x2070)) return MARK;
  // Full-width punctuation; all other characters might be letters.
  return (unit >= 0x3000 && unit < 0x3004) || (unit >= 0xff00 && unit < 0xff10) ? MARK : LETTER;
}
