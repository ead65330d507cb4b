import type { LogDocument } from './log-entry.ts';
import { isObject, jsonOf, listOf, numberOf, objectOf } from './values.ts';

/**
 * The attributes of a span, an event or a log record, by name: of OTLP JSON, of Jaeger's tags, or an object of names
 * already, whose inner objects are named with dots (`llm: { model_name }` as `llm.model_name`) beside their own name.
 */
export function otlpAttributes(value: unknown): Record<string, unknown> {
  const attributes: Record<string, unknown> = {};
  const given = jsonOf(value);
  if (isObject(given)) {
    addNamed(attributes, '', given);
    return attributes;
  }
  for (const each of listOf(given) ?? []) {
    const attribute = objectOf(each);
    if (typeof attribute?.key === 'string') attributes[attribute.key] = otlpValue(attribute.value);
  }
  return attributes;
}

function addNamed(attributes: Record<string, unknown>, prefix: string, holder: LogDocument): void {
  for (const [name, value] of Object.entries(holder)) {
    const plain = otlpValue(value);
    attributes[prefix + name] = plain;
    if (isObject(plain)) addNamed(attributes, `${prefix}${name}.`, plain);
  }
}

/** An `AnyValue` as JavaScript has it; what is none stays as it is. */
export function otlpValue(value: unknown): unknown {
  const any = isObject(value) ? value : null;
  if (any === null) return Array.isArray(value) ? value.map(otlpValue) : value;
  if ('stringValue' in any) return any.stringValue;
  if ('boolValue' in any) return any.boolValue;
  if ('intValue' in any) return longOf(any.intValue);
  if ('doubleValue' in any) return any.doubleValue;
  if ('arrayValue' in any) return (listOf(objectOf(any.arrayValue)?.values) ?? []).map(otlpValue);
  if ('kvlistValue' in any) return otlpAttributes(objectOf(any.kvlistValue)?.values);
  return Object.keys(any).length === 0 ? null : any;
}

/** A 64-bit integer: a text in OTLP JSON, halves in what JavaScript's protobuf libraries write, a number here. */
export function longOf(value: unknown): number | null {
  const halves = objectOf(value);
  if (halves === null) return numberOf(value);
  const [low, high] = [numberOf(halves.low), numberOf(halves.high)];
  return low === null || high === null ? null : Number(bigintOf(low, high));
}

/** The integer of two halves of 32 bits each. */
export function bigintOf(low: number, high: number): bigint {
  return BigInt.asIntN(64, (BigInt(Math.trunc(high)) << 32n) | BigInt.asUintN(32, BigInt(Math.trunc(low))));
}
