import { findPhoneNumbersInText } from 'libphonenumber-js/min';
import { InvalidInputError } from 'pointsman';
import validator from 'validator';

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
