/** ln(p / (1 - p)), the inverse of sigmoid. 0 and 1 give ∓Infinity; outside [0, 1], or NaN, NaN. */
export function logit(p: number): number {
  return Math.log(p) - Math.log1p(-p);
}
