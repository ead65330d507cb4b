import { type Schema, Validator } from '@cfworker/json-schema';

/** Whether a text is JSON, and as the schema says where there is one. Nothing but JSON: no fence, no words around. */
export function isJsonMatching(text: string, schema: Readonly<Record<string, unknown>> | undefined): boolean {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return false;
  }
  if (schema === undefined) return true;
  return new Validator(schema as Schema, '2020-12', true).validate(value).valid;
}
