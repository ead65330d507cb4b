/** A number with three digits that count; with all, where three would put it on or over a bound that it is beside. */
export function printNumber(value: number, bound: number): string {
  const text = value.toPrecision(3);
  return (+text - bound) * (value - bound) > 0 ? text : `${value}`;
}
