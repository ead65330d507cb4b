/**
 * The largest of any number of values. `Math.max(...values)` puts every value on the call stack, which overflows at
 * some 120,000 of them. Empty: -Infinity; NaN where any value is.
 */
export function largest(values: Iterable<number>): number {
  let found = Number.NEGATIVE_INFINITY;
  for (const value of values) found = Math.max(found, value);
  return found;
}

/** The smallest of any number of values. Empty: Infinity; NaN where any value is. */
export function smallest(values: Iterable<number>): number {
  let found = Number.POSITIVE_INFINITY;
  for (const value of values) found = Math.min(found, value);
  return found;
}
