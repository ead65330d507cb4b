import { pythonLiteral } from '../../logs/python-literal.ts';
import type { LogDocument } from './format.ts';

/** No log nests what it says deeper; what follows a value further could run out of stack. */
const DEEPEST = 100;

/** Thrown where a record, or a JSON text in it, is nested deeper than any log nests. */
export class NestedTooDeepError extends Error {}

/** @throws NestedTooDeepError when a parsed value has more than 100 levels. */
export function refuseDeepNesting(value: unknown): void {
  if (isDeeperThan(value, DEEPEST)) throw new NestedTooDeepError();
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  for (const name in value) if (isDeeperThan((value as LogDocument)[name], levels - 1)) return true;
  return false;
}

/** A non-empty string, or null. Whole numbers are names too. */
export function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value === '' ? null : value;
  return Number.isSafeInteger(value) ? String(value) : null;
}

/** Whether a value is an object with names: no list, no null. */
export function isObject(value: unknown): value is LogDocument {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An object, also where it comes as JSON text, as CSV files and some exports have it; else null. */
export function objectOf(value: unknown): LogDocument | null {
  const parsed = jsonOf(value);
  return isObject(parsed) ? parsed : null;
}

/** A list, also where it comes as JSON text; else null. */
export function listOf(value: unknown): readonly unknown[] | null {
  const parsed = jsonOf(value);
  return Array.isArray(parsed) ? parsed : null;
}

/** A finite number, also where it comes as text; else null. */
export function numberOf(value: unknown): number | null {
  if (typeof value === 'string' && value.trim() === '') return null;
  const number = typeof value === 'string' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : null;
}

/** The first of the names whose value is there: neither missing, nor null, nor an empty text. */
export function firstGiven(document: LogDocument | null, names: readonly string[]): unknown {
  for (const name of names) {
    const value = document?.[name];
    if (value != null && value !== '') return value;
  }
  return undefined;
}

/**
 * What a JSON text holds, or an object or a list as Python prints it; anything else as it is.
 * @throws NestedTooDeepError
 */
export function jsonOf(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*[[{"]/.test(value)) return value;
  let parsed: unknown;
  try {
    parsed = JSON.parse(value);
  } catch {
    parsed = /^\s*[[{][[{(\s]*'/.test(value) ? pythonLiteral(value) : undefined;
    if (parsed === undefined) return value;
  }
  refuseDeepNesting(parsed);
  return parsed;
}

/** Whether a text begins as JSON does, and is none: most often its end was cut off. */
export function isBrokenJson(text: string): boolean {
  return /^\s*(\{|\[\s*[{"\]])/.test(text) && jsonOf(text) === text;
}

/** The value at a path such as `metadata.scores.0.value`; undefined where there is none. A whole name comes first. */
export function valueAt(document: unknown, path: string): unknown {
  const holder = jsonOf(document) as Record<string, unknown> | null;
  if (typeof holder !== 'object' || holder === null) return undefined;
  if (path in holder) return holder[path];
  for (let dot = path.indexOf('.'); dot >= 0; dot = path.indexOf('.', dot + 1)) {
    const head = path.slice(0, dot);
    if (!(head in holder)) continue;
    const found = valueAt(holder[head], path.slice(dot + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Milliseconds since 1970 of an ISO time (UTC unless it says otherwise), seconds or milliseconds; else null. */
export function millisecondsOf(value: unknown): number | null {
  const number = numberOf(value);
  if (number !== null) return number >= 1e11 ? number : number * 1000;
  if (typeof value !== 'string') return null;
  const iso = value.trim().replace(' ', 'T');
  const ms = Date.parse(/(Z|[+-]\d{2}:?\d{2})$/.test(iso) ? iso : `${iso}Z`);
  return Number.isNaN(ms) ? null : ms;
}

/** Milliseconds from one time to another; null where either is unknown, or clocks were set back between them. */
export function millisecondsBetween(start: unknown, end: unknown): number | null {
  const [from, to] = [millisecondsOf(start), millisecondsOf(end)];
  return from === null || to === null || to < from ? null : to - from;
}
