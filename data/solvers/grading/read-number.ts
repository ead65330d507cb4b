/** The one number an answer states (`1,250.5`, `-3/4`, `$12`, `7.2 km`, `1.5e+21`); null when there is none, or several. */
export function readNumber(answer: string): number | null {
  const numbers = answer
    .replaceAll('−', '-')
    .match(/-?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?(?:\s*\/\s*\d+(?:\.\d+)?)?/gi);
  if (numbers?.length !== 1) return null;
  const [over, under] = numbers[0]!.replaceAll(',', '').split('/').map(Number) as [number, number?];
  const value = under === undefined ? over : over / under;
  return Number.isFinite(value) ? value : null;
}
