import { isUtf8 } from 'node:buffer';

const FIRST = 0xed;

/** U+FFFD. */
const REPLACEMENT = [0xef, 0xbf, 0xbd];

/**
 * Bytes as valid UTF-8. Surrogates that some programs write as three bytes each become the character of the pair, halves
 * alone U+FFFD.
 * @returns null when the bytes are no UTF-8 for another reason.
 */
export function validUtf8(bytes: Buffer): Buffer | null {
  if (isUtf8(bytes)) return bytes;
  const parts: Buffer[] = [];
  let start = 0;
  for (let at = bytes.indexOf(FIRST); at >= 0; at = bytes.indexOf(FIRST, Math.max(at + 1, start))) {
    const unit = surrogateAt(bytes, at);
    if (unit === null) continue;
    const low = unit < 0xdc00 ? surrogateAt(bytes, at + 3) : null;
    const isPair = low !== null && low >= 0xdc00;
    parts.push(
      bytes.subarray(start, at),
      isPair ? Buffer.from(String.fromCharCode(unit, low)) : Buffer.from(REPLACEMENT),
    );
    start = at + (isPair ? 6 : 3);
  }
  const mended = Buffer.concat([...parts, bytes.subarray(start)]);
  return parts.length > 0 && isUtf8(mended) ? mended : null;
}

function surrogateAt(bytes: Buffer, at: number): number | null {
  const [first, second, third] = bytes.subarray(at, at + 3);
  const is = first === FIRST && second >= 0xa0 && second < 0xc0 && third >= 0x80 && third < 0xc0;
  return is ? 0xd000 | ((second & 0x3f) << 6) | (third & 0x3f) : null;
}
