/**
 * A text from outside on one line of a terminal: line breaks and runs of white space become a space, and control
 * characters, which could move the cursor or change colours, a replacement sign.
 */
export function printable(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/[\p{Cc}\p{Cf}]/gu, '\ufffd');
}

/** A path as a shell takes it: in quotes where it needs them. */
export function quoted(path: string): string {
  return /^[\w./\\:@+-]+$/.test(path) ? path : `"${printable(path).replace(/(["$`])/g, '\\$1')}"`;
}
