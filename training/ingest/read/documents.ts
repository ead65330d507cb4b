import { isUtf8 } from 'node:buffer';
import { DataType, type MapRow, type StructRow, type Vector } from 'apache-arrow';

/** An Arrow value as JSON has it: times as ISO text, 64-bit and decimal numbers as digits, structs as objects. */
export function plainArrowValue(value: unknown, type: DataType): unknown {
  if (value === null || value === undefined) return null;
  if (DataType.isDictionary(type)) return plainArrowValue(value, type.dictionary);
  if (DataType.isTimestamp(type) || DataType.isDate(type)) {
    const time = new Date(Number(value));
    return Number.isNaN(time.getTime()) ? String(value) : time.toISOString();
  }
  if (DataType.isDecimal(type)) return decimalText(value as Uint32Array, type.scale);
  if (DataType.isStruct(type)) {
    const row = (value as StructRow).toJSON() as Record<string, unknown>;
    return Object.fromEntries(
      type.children.map((child) => [child.name, plainArrowValue(row[child.name], child.type)]),
    );
  }
  if (DataType.isMap(type)) {
    const entry = type.children[0].type.children as { type: DataType }[];
    const row = (value as MapRow).toJSON() as Record<string, unknown>;
    return Object.fromEntries(
      Object.entries(row).map(([key, held]) => [key, plainArrowValue(held, entry[1].type)]),
    );
  }
  if (DataType.isList(type) || DataType.isFixedSizeList(type)) {
    return Array.from(value as Vector, (held) => plainArrowValue(held, type.children[0].type));
  }
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return isUtf8(value) ? Buffer.from(value).toString('utf8') : null;
  // JSON has no NaN; text says that something was there, so that the row is judged and not patched.
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  return value;
}

/** @param words little-endian 32-bit words of a two's complement integer. */
function decimalText(words: Uint32Array, scale: number): string {
  let unscaled = 0n;
  for (let i = words.length - 1; i >= 0; i--) unscaled = (unscaled << 32n) | BigInt(words[i]);
  unscaled = BigInt.asIntN(words.length * 32, unscaled);
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  return `${unscaled < 0n ? '-' : ''}${whole}${scale > 0 ? `.${digits.slice(-scale)}` : ''}`;
}
