/**
 * Calls `visit(start, end)` for every run of characters between white space, in order, without making substrings.
 *
 * @param prepared a text from `prepareText`, in which tab, line feed, form feed, carriage return and space are
 *   the only white space.
 */
export function forEachWord(prepared: string, visit: (start: number, end: number) => void): void {
  const length = prepared.length;
  let start = -1;
  for (let i = 0; i < length; i++) {
    const code = prepared.charCodeAt(i);
    if (code === 32 || (code < 14 && code > 8)) {
      if (start >= 0) visit(start, i);
      start = -1;
    } else if (start < 0) {
      start = i;
    }
  }
  if (start >= 0) visit(start, length);
}
