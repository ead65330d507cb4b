/**
 * A number with three digits that count, or as many more as it takes for what is said of it to hold for what is printed:
 * what is over a bound is not printed as the bound.
 */
export function printNumber(value: number, holds: (printed: number) => boolean = () => true): string {
  let text = value.toPrecision(3);
  for (let digits = 4; digits <= 17 && !holds(Number(text)); digits++) text = value.toPrecision(digits);
  return text.includes('e') ? String(Number(text)) : text;
}
