/** Whether no entry is NaN or infinite. Empty: true. One pass without branches, since tables are checked on every load. */
export function allFinite(values: ArrayLike<number>): boolean {
  let zero = 0;
  // Infinity * 0 and NaN * 0 are NaN, and stay so.
  for (let i = 0; i < values.length; i++) zero += values[i] * 0;
  return zero === 0;
}
