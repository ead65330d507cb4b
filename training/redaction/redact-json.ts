import { type RedactionPattern, redactText } from '../ingest/redact.ts';

/** Redacts every text inside a JSON value; names of fields, and the roles of messages, stay. */
export function redactJson(value: unknown, further: readonly RedactionPattern[] = []): unknown {
  if (typeof value === 'string') return redactText(value, further);
  if (Array.isArray(value)) return value.map((each) => redactJson(each, further));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, held]) => [name, name === 'role' ? held : redactJson(held, further)]),
  );
}
