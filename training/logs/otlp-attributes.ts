import type { LogDocument } from '../ingest/record/format.ts';
import { isObject, jsonOf, listOf, numberOf, objectOf } from '../ingest/record/values.ts';

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
function otlpValue(value: unknown): unknown {
  const any = isObject(value) ? value : null;
  if (any === null) return Array.isArray(value) ? value.map(otlpValue) : value;
  const name = Object.keys(any).find((each) => KIND.test(each));
  if (name === undefined) return Object.keys(any).length === 0 ? null : any;
  const held = any[name];
  switch (KIND.exec(name)?.[1]) {
    case 'int':
      return longOf(held);
    case 'array':
      return (listOf(objectOf(held)?.values) ?? []).map(otlpValue);
    case 'kvlist':
      return otlpAttributes(objectOf(held)?.values);
    case 'bytes':
      return Buffer.from(String(held), 'base64').toString();
    default:
      return held;
  }
}

/** The names of an `AnyValue`, also as programs write them that keep the names of protobuf. */
const KIND = /^(string|bool|int|double|array|kvlist|bytes)(?:Value|_value)$/;

/** A 64-bit integer: a text in OTLP JSON or MongoDB's, halves of JavaScript's protobuf libraries; a number here. */
export function longOf(value: unknown): number | null {
  const halves = objectOf(value);
  if (halves === null || '$numberLong' in halves) return numberOf(halves?.$numberLong ?? value);
  const [low, high] = [numberOf(halves.low), numberOf(halves.high)];
  return low === null || high === null ? null : Number(bigintOf(low, high));
}

/** The integer of two halves of 32 bits each. */
export function bigintOf(low: number, high: number): bigint {
  return BigInt.asIntN(64, (BigInt(Math.trunc(high)) << 32n) | BigInt.asUintN(32, BigInt(Math.trunc(low))));
}
