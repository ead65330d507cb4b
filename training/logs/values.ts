import type { LogDocument } from './log-entry.ts';

/** A non-empty string, or null. Whole numbers are names too. */
export function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value === '' ? null : value;
  return Number.isSafeInteger(value) ? String(value) : null;
}

/** An object, also where it comes as JSON text, as CSV files and some exports have it; else null. */
export function objectOf(value: unknown): LogDocument | null {
  const parsed = jsonOf(value);
  return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
    ? (parsed as LogDocument)
    : null;
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

/** What a JSON text holds; anything else as it is. */
export function jsonOf(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*[[{"]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
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
