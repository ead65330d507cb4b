/**
 * A count over a text, of a long one over stretches spread evenly and scaled, so that the time is bounded.
 *
 * @param most UTF-16 units that are counted at most.
 * @param length of a stretch, in the same.
 */
export function overStretches(
  text: string,
  most: number,
  length: number,
  count: (text: string) => number,
): number {
  if (text.length <= most) return count(text);
  const stretches = Math.floor(most / length);
  const step = (text.length - length) / (stretches - 1);
  let sum = 0;
  for (let i = 0; i < stretches; i++) {
    const start = Math.floor(i * step);
    sum += count(text.slice(start, start + length));
  }
  return (sum * text.length) / (stretches * length);
}
