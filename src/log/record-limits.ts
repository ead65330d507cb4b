import type { OutcomeInput } from './decision-log.ts';

/** The largest amounts that are believed of one decision. What is above is a mistake, and would drown everything else. */
export const LARGEST_AMOUNTS = {
  /** US dollars. */
  costUsd: 1_000,
  /** A week. */
  latencyMs: 604_800_000,
  inputTokens: 100_000_000,
  outputTokens: 100_000_000,
  totalCostUsd: 1_000,
  totalLatencyMs: 604_800_000,
} as const;

/**
 * The longest texts that a record holds beside its prompt, in UTF-16 units. Names that are longer are refused, since two
 * that are cut could become one; what only describes is cut.
 */
export const LONGEST_TEXTS = { id: 256, candidate: 256, source: 256, error: 1_000, signal: 1_000 } as const;

const LONGEST_SHOWN = 40;

type AmountField = keyof typeof LARGEST_AMOUNTS;

/** Whether a value can be the amount of a field. */
function isAmount(field: AmountField, value: unknown): boolean {
  const isCount = field === 'inputTokens' || field === 'outputTokens';
  if (typeof value !== 'number' || (isCount && !Number.isInteger(value))) return false;
  return value >= 0 && value <= LARGEST_AMOUNTS[field];
}

/** The outcome with the amounts that can be; the others are null or left out, and named in `refused`. */
export function withinLimits(given: OutcomeInput): unknown {
  const outcome: Record<string, unknown> = { status: 'answered', ...given };
  const refused: Record<string, string> = {};
  for (const field of Object.keys(LARGEST_AMOUNTS) as AmountField[]) {
    const value = outcome[field];
    if (isAmount(field, value)) continue;
    if (value != null) refused[field] = shown(value);
    if (field.startsWith('total')) delete outcome[field];
    else outcome[field] = null;
  }
  if (outcome.costUsd === null) delete outcome.costSource;
  else outcome.costSource ??= 'reported';
  if (typeof outcome.error === 'string') outcome.error = outcome.error.slice(0, LONGEST_TEXTS.error);
  return Object.keys(refused).length === 0 ? outcome : { ...outcome, refused };
}

function shown(value: unknown): string {
  return typeof value === 'object' || typeof value === 'function'
    ? typeof value
    : String(value).slice(0, LONGEST_SHOWN);
}

/** The value with `change` made to every text and every key in it; the same value where that changes nothing. */
export function mapTexts<T>(value: T, change: (text: string) => string): T {
  // Nearly always nothing does, and looking costs a fraction of copying.
  return isChanged(value, change) ? copyChanged(value, change) : value;
}

function isChanged(value: unknown, change: (text: string) => string): boolean {
  if (typeof value === 'string') return change(value) !== value;
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some((part) => isChanged(part, change));
  for (const key of Object.keys(value)) {
    if (change(key) !== key || isChanged((value as Record<string, unknown>)[key], change)) return true;
  }
  return false;
}

function copyChanged<T>(value: T, change: (text: string) => string): T {
  if (typeof value === 'string') return change(value) as T;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((part) => copyChanged(part, change)) as T;
  const entries = Object.entries(value).map(([key, part]) => [change(key), copyChanged(part, change)]);
  // Not by assignment, which would make `__proto__` something else.
  return Object.fromEntries(entries) as T;
}

/** UTF-16 units of every text and key in a value, and some for each number. */
export function lengthOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 8;
  let length = 0;
  if (Array.isArray(value)) for (const part of value) length += lengthOf(part);
  else for (const [key, part] of Object.entries(value)) length += key.length + lengthOf(part);
  return length;
}
