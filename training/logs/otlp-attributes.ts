import { listOf, objectOf } from './values.ts';

/** The attributes of a span, an event or a log record of OTLP JSON, by name. */
export function otlpAttributes(value: unknown): Record<string, unknown> {
  const attributes: Record<string, unknown> = {};
  for (const each of listOf(value) ?? []) {
    const attribute = objectOf(each);
    if (typeof attribute?.key === 'string') attributes[attribute.key] = otlpValue(attribute.value);
  }
  return attributes;
}

/** An `AnyValue` as JavaScript has it. 64-bit integers are texts in OTLP JSON, and numbers here. */
export function otlpValue(value: unknown): unknown {
  const any = objectOf(value);
  if (any === null) return value;
  if ('stringValue' in any) return any.stringValue;
  if ('boolValue' in any) return any.boolValue;
  if ('intValue' in any) return Number(any.intValue);
  if ('doubleValue' in any) return any.doubleValue;
  if ('arrayValue' in any) return (listOf(objectOf(any.arrayValue)?.values) ?? []).map(otlpValue);
  if ('kvlistValue' in any) return otlpAttributes(objectOf(any.kvlistValue)?.values);
  return null;
}
