/**
 * What exp(predicted logarithm) must be multiplied by to have the mean that was seen: the mean of a skewed amount lies
 * above the exponential of its mean logarithm (Duan 1983's smearing). Drawn to 1 as by `pseudoRows` rows, and within
 * 1/10 to 10; with no rows it is 1.
 * @param logs predicted ln(amount) `[rows]`
 * @param amounts seen, >= 0 (US dollars, milliseconds); NaN: unobserved `[rows]`
 */
export function fitRatioScale(logs: ArrayLike<number>, amounts: ArrayLike<number>, pseudoRows = 5): number {
  let [seen, expected, rows] = [0, 0, 0];
  for (let i = 0; i < logs.length; i++) {
    const guess = Math.exp(logs[i]);
    if (!Number.isFinite(amounts[i]) || !Number.isFinite(guess)) continue;
    seen += amounts[i];
    expected += guess;
    rows++;
  }
  if (rows === 0 || !(expected > 0)) return 1;
  const pull = (pseudoRows * expected) / rows;
  return Math.min(10, Math.max(0.1, (seen + pull) / (expected + pull)));
}
