import { findPhoneNumbersInText } from 'libphonenumber-js/min';
import { InvalidInputError, type Message, type Request, readPrompt } from 'pointsman';
import type { CostSource } from 'pointsman/internal';
import validator from 'validator';
import { AMOUNT_FIELDS, type AmountField, columnOf, type SaidField } from '../../outcomes/outcome.ts';

/** A record of a log, parsed. */
export type LogDocument = Readonly<Record<string, unknown>>;

/** What a record of a log says. Values are judged later, as those of any table are. */
export type LogEntry = CallEntry | PromptEntry | OutcomeEntry | ScoreEntry | RefusedEntry;

/** One answer of one candidate. */
export interface CallEntry {
  readonly kind: 'call';
  /** Fields of the outcomes table, under their own names. */
  readonly row: Readonly<Record<string, unknown>>;
  /** What was answered; '' where it ended without a word, and null where it is not known. */
  readonly answer?: string | null;
  /** How it ended: `stop`, `length`, `tool-calls`, `content-filter`. */
  readonly finishReason?: string | null;
  /** Where `map` finds the user's own fields. @default the document */
  readonly record?: LogDocument;
  /** Whether the prompt may stand in a `PromptEntry`, of this or another file, when it is not here. @default false */
  readonly promptMayBeApart?: boolean;
  /** One of `LOG_REASONS`: why a prompt that the record lacks is not there. @default no words were found in it */
  readonly withoutPrompt?: string | undefined;
}

/** What was asked, kept apart from the answer: a line of a batch's input, or a log record of a span. */
export interface PromptEntry {
  readonly kind: 'prompt';
  /** The call's `requestId`. */
  readonly id: string;
  /** Where it is known, the call has the same. */
  readonly traceId: string | null;
  /** The whole prompt, and what else only this record knows of the call; null for one message of several. */
  readonly row: Readonly<Record<string, unknown>> | null;
  /** One message of several, in the order of `at`. */
  readonly message?: unknown;
  /** What was answered, where this record has it, and how it ended. */
  readonly answer?: string | null;
  readonly finishReason?: string | null;
  /** ISO 8601. */
  readonly at: string | null;
}

/** How a decision of Pointsman's own log was carried out. */
export interface OutcomeEntry extends Readonly<Record<AmountField, number | null>> {
  readonly kind: 'outcome';
  /** The decision's `requestId`. */
  readonly id: string;
  readonly candidate: string;
  readonly failed: boolean;
  /** Null for logs of earlier versions: then the cost may be what the router expected. */
  readonly costSource: CostSource | null;
  /** Whether the costs of several attempts may be in `costUsd`. */
  readonly several: boolean;
  /** Amounts that the record has and that cannot be: null here. */
  readonly refused: readonly AmountField[];
  readonly error: string | null;
  /** What is known of the answer, as columns. */
  readonly said: Readonly<Record<SaidField, unknown>>;
  /** ISO 8601. */
  readonly at: string | null;
}

/** How good an answer was, said apart from it. */
export interface ScoreEntry {
  readonly kind: 'score';
  /** Whether `id` is the `requestId` of a call, or the `traceId` or `responseId` in its metadata. */
  readonly of: 'call' | 'trace' | 'response';
  readonly id: string;
  /** Whose answer it was. @default who answered */
  readonly candidate?: string | null;
  readonly name: string;
  /** As the log has it. */
  readonly value: unknown;
  /** ISO 8601. */
  readonly at: string | null;
  /** Whether it stands in the call's own record, so that a quality which the user maps comes before it. @default false */
  readonly isColumn?: boolean;
}

/** A record that is no row, and why: one of `LOG_REASONS`; of a label, with the label behind it. */
export interface RefusedEntry {
  readonly kind: 'refused';
  readonly reason: string;
  /** Of a score, its name: one that was not asked for is refused for that. */
  readonly name?: string;
}

/** Takes the records of one format apart. */
export interface LogReader {
  /**
   * What the format is known by: lists of fields that stand together in its records and in those of no other; dots go into
   * objects. They are fields that the reader cites.
   */
  readonly signs: readonly (readonly string[])[];
  /** Fields of a document that are read, at its top level; null for all of it. Others are not parsed. */
  readonly fields: readonly string[] | null;
  /** Fields that are read for the answer's sake alone. */
  readonly answerFields?: readonly string[];
  /** Of `LOG_REASONS`, why a call with `promptMayBeApart` has no prompt when none is found. @default no words were found in it */
  readonly promptNotFound?: string;
  /** What to do about reasons that only this format has: a sentence by reason. */
  readonly advice?: Readonly<Record<string, string>>;
  /** The same in SQL, for JSONL files that hold nothing but regular records. @default record by record */
  readonly regular?: RegularReader;
  /** @param path of the file, where names may stand in its folders @param line of the record in it */
  read(document: LogDocument, path?: string, line?: number): Iterable<LogEntry>;
}

/** What a `LogReader` does, in SQL that fails on records which only `read` can take apart. A test holds the two together. */
export interface RegularReader {
  /**
   * @param map the user's own fields, as paths with dots; neither `text` nor `messages`
   * @param answers whether they are wanted
   * @returns SQL of raw rows, as `rawRows` gives them
   */
  rows(file: string, map: Readonly<Partial<Record<string, string>>>, answers: boolean): string;
  /** @returns SQL that gives a row where a record has something at the path */
  has(file: string, path: string): string;
}

/** What stands in brackets where something was taken out. */
const TAKEN_OUT =
  'redacted|masked|filtered|scrubbed|removed|hidden|omitted|truncated|anonymi[sz]ed|censored|saniti[sz]ed|elided|withheld|suppressed|stripped|deleted|encrypted|protected|no[-_ ]content|not[-_ ](?:captured|logged|recorded)';

/**
 * What programs put in the place of words that they may not keep, and nothing else around it: LiteLLM's
 * `redacted-by-litellm`, Langfuse's `<fully masked due to failed mask function>`, OpenInference's `__REDACTED__`,
 * Sentry's `[Filtered]`, Logfire's `[Scrubbed due to 'password']`, asterisks. Without capitals; runs in JavaScript and in RE2.
 */
const PLACEHOLDER = `(?:(?:(?:message|prompt|input|content|text)[-_ ](?:has[-_ ]been[-_ ]|was[-_ ])?)?redacted(?:[-_ ](?:by|for)[-_ ][a-z_]+)?(?:\\.\\s+'litellm\\.[a-z_]+=true')?|[\\[<({*_-]+(?:[a-z]+[-_ ]){0,5}(?:${TAKEN_OUT})(?:[-_ :][^\\n\\])>}]{0,60})?[\\])>}*_/-]+|[*•█■#]{3,}|x{6,}|sha(?:1|256|512)[:=_-][0-9a-f]{16,})[.!]?\\s*`;

/** Words that are nothing but placeholders: for RE2, which alone runs such a pattern in linear time. */
export const REDACTED_PATTERN = `(?:${PLACEHOLDER})+`;

/** Longer than placeholders ever are, also one for each turn. */
export const LONGEST_REDACTED = 4000;

const placeholder = new RegExp(PLACEHOLDER, 'y');

/**
 * Why the prompt of a row is none: a router learns from what the user said, so that there must be words of the user,
 * and not what a program put in their place.
 * @param row fields of the outcomes table, its messages in plain form.
 * @returns one of `LOG_REASONS`, or null where the prompt will do.
 */
export function promptProblem(row: Readonly<Record<string, unknown>>): string | null {
  if (row.text == null && row.messages == null && row.promptHash != null) return null;
  const request: Request = Array.isArray(row.messages)
    ? { messages: row.messages as Message[] }
    : { text: String(row.text ?? '') };
  const words = readPrompt(request).text.trim();
  if (words === '') return LOG_REASONS.noWords;
  return isRedacted(words.toLowerCase()) ? LOG_REASONS.redacted : null;
}

/** One placeholder after the other, up to the end. */
function isRedacted(words: string): boolean {
  if (words.length > LONGEST_REDACTED) return false;
  placeholder.lastIndex = 0;
  while (placeholder.lastIndex < words.length) if (!placeholder.test(words)) return false;
  return true;
}

/** Why a record of a log is no row. */
export const LOG_REASONS = {
  noCall: 'the record is no call of a language model',
  promptNotKept: 'the log has no prompt: LiteLLM was not told to keep it',
  batchInputMissing:
    'the record is the output of a batch, and no line of the input that it answers was found',
  spanWithoutPrompt: 'no prompt was found in the span, nor in a log record of it',
  ambiguousPrompt:
    'several lines of batches have this id and other prompts: which of them was answered cannot be told',
  noWords: 'no words of the user were found in the prompt',
  redacted: 'the words of the prompt were redacted before they were logged: only a placeholder is left',
  bodyElsewhere:
    'the log does not hold the request: Helicone keeps it behind signed_body_url (export with --include-body)',
  requestElsewhere:
    'the log does not hold the request, only where it is kept (an object in S3, or a reference): export it with its content',
  withoutPrompts:
    'the activity of OpenRouter holds no prompts: log requests and responses where you send them (--format openai), or let OpenRouter broadcast them to Langfuse, LangSmith, Weave or OpenTelemetry, and export from there',
  unnamedPair: 'the comparison does not name its two candidates',
  samePair: 'the comparison is of a candidate with itself',
  noWinner: 'the comparison does not say which of the two is better, nor that they tie',
  unanswered: 'the request has no answer in the log',
  promptKnown: 'the record repeats the prompt of a call',
  ambiguousId: 'several requests have this id and other prompts: whose record it is cannot be told',
  tooDeep: 'the record is nested more than 100 levels deep',
  unforeseen: 'the record has a form that its reader cannot read',
  empty: 'the record holds nothing',
  otherScore: 'the score is another than the one asked for',
  bookkeeping: 'the record tells of the log itself',
  scoreWithoutCall: 'the score is of a request that is not there',
  scoreOfOther: 'the score is of a session or an experiment, and of no call',
  scoreInWords: 'the score is a text or a correction, and has no number',
  scoreLabel: 'the score is a label that says neither good nor bad',
  outcomeWithoutDecision: 'the outcome is of a decision that is not there',
  scoreNotNumber: 'the score is no number, true or false',
  scoreOutside: 'the score is outside its range: 0 to 1, or the range given',
  newerVersion: 'the record is of a newer version of the decision log',
  unknownKind: 'the record is of no kind that the format has',
} as const;

/** Why a value of a record is taken as not known; the record itself is read. */
export const VALUE_REASONS = {
  ...(Object.fromEntries(
    AMOUNT_FIELDS.map((field) => [
      field,
      // In numbers alone, without what they are in words.
      `\`${field}\` of the outcome cannot be: it must ${columnOf(field).must.replace(/ \(.*\)$/, '')}`,
    ]),
  ) as Record<AmountField, string>),
  expectedCost: '`costUsd` of the outcome is what the router expected, and not what was seen',
} as const;

/** Something to be taken out of texts. */
export interface RedactionPattern {
  /** What stands in its place, in brackets: `ORDER` gives `[ORDER]`. */
  readonly name: string;
  /** Global. */
  readonly expression: RegExp;
  /** Tells what is meant from what only looks like it. @default everything found is meant */
  readonly isMeant?: (found: string) => boolean;
}

const digits = (text: string): string => text.replace(/[^0-9]/g, '');
const KEYS = [
  'sk-[A-Za-z0-9_-]{16,}',
  '(?:AKIA|ASIA)[A-Z0-9]{16}',
  'gh[pousr]_[A-Za-z0-9]{30,}',
  'github_pat_[A-Za-z0-9_]{30,}',
  'glpat-[A-Za-z0-9_-]{16,}',
  'xox[abprs]-[A-Za-z0-9-]{10,}',
  'AIza[A-Za-z0-9_-]{30,}',
  '(?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{16,}',
  'hf_[A-Za-z0-9]{30,}',
  'npm_[A-Za-z0-9]{30,}',
  'eyJ[A-Za-z0-9_-]{8,}\\.eyJ[A-Za-z0-9_-]{8,}\\.[A-Za-z0-9_-]*',
].join('|');

/**
 * What is taken out of texts, in this order: what is longer and surer comes first. Names and addresses of people are
 * not among it; no pattern finds those.
 */
export const REDACTION_PATTERNS: readonly RedactionPattern[] = [
  {
    name: 'KEY',
    expression: /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  },
  { name: 'KEY', expression: new RegExp(`(?<![A-Za-z0-9_-])(?:${KEYS})`, 'g') },
  // A name and password before the host of an address.
  { name: 'KEY', expression: /(?<=\b[a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/@:]{1,200}:[^\s/@]{1,200}(?=@)/gi },
  {
    name: 'EMAIL',
    expression: /[\p{L}0-9._%+'-]{1,64}@(?:[\p{L}0-9-]{1,63}\.){1,8}\p{L}{2,24}/gu,
  },
  {
    name: 'IBAN',
    expression: /(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])/g,
    isMeant: (found) => validator.isIBAN(found),
  },
  {
    name: 'CARD',
    expression: /(?<![\d.-])\d(?:[ -]?\d){12,18}(?![\d.-]*\d)/g,
    isMeant: (found) => validator.isCreditCard(digits(found)),
  },
  {
    name: 'IP',
    expression: /(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]*\d)/g,
    isMeant: (found) => validator.isIP(found, 4),
  },
  {
    name: 'IP',
    expression: /(?<![A-Za-z0-9:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![A-Za-z0-9:])/g,
    isMeant: (found) => /[0-9A-Fa-f]/.test(found) && validator.isIP(found, 6),
  },
];

/** As North America writes them; other numbers without a country's code cannot be told from numbers. */
const LOCAL_PHONE = /(?<![\d.-])(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4}(?![\d-])/g;

/** A country's code with a plus. */
const MAY_BE_PHONE = /\+\s?\(?\d/;

/**
 * Takes personal data and secrets out of a text, and puts their kind in its place: `[EMAIL]`, `[PHONE]`, `[CARD]`,
 * `[IBAN]`, `[IP]`, `[KEY]`, and the names of further patterns.
 * @param further patterns of the user's own, which come first.
 */
export function redactText(text: string, further: readonly RedactionPattern[] = []): string {
  let redacted = text;
  for (const { name, expression, isMeant } of [...further, ...REDACTION_PATTERNS]) {
    redacted = redacted.replace(expression, (found: string) =>
      isMeant === undefined || isMeant(found) ? `[${name}]` : found,
    );
  }
  return redactPhones(redacted).replace(LOCAL_PHONE, '[PHONE]');
}

function redactPhones(text: string): string {
  if (!MAY_BE_PHONE.test(text)) return text;
  let redacted = text;
  // From the last, so that places stay where they are.
  for (const { startsAt, endsAt } of findPhoneNumbersInText(text).toReversed())
    redacted = `${redacted.slice(0, startsAt)}[PHONE]${redacted.slice(endsAt)}`;
  return redacted;
}

/** Redacts every text inside a JSON value; names of fields, and the roles of messages, stay. */
export function redactJson(value: unknown, further: readonly RedactionPattern[] = []): unknown {
  if (typeof value === 'string') return redactText(value, further);
  if (Array.isArray(value)) return value.map((each) => redactJson(each, further));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, held]) => [name, name === 'role' ? held : redactJson(held, further)]),
  );
}

/**
 * Makes patterns of a user's words: name to regular expression.
 * @throws InvalidInputError naming the pattern that is none.
 */
export function redactionPatterns(patterns: Readonly<Record<string, string>>): RedactionPattern[] {
  return Object.entries(patterns).map(([name, expression]) => {
    if (!/^[A-Z][A-Z0-9_]{0,30}$/.test(name))
      throw new InvalidInputError(
        `The name of a redaction must be capital letters, digits and "_". Got "${name}". Say for example ORDER=\\bA-\\d{6}\\b.`,
      );
    try {
      return { name, expression: new RegExp(expression, 'gu') };
    } catch (cause) {
      throw new InvalidInputError(
        `The redaction ${name} must be a regular expression of JavaScript. Got ${expression}: ${(cause as Error).message}. Correct it.`,
        { cause },
      );
    }
  });
}
