/** ln(sigmoid(x)) without underflow: about x for very negative x. -Infinity gives -Infinity; NaN gives NaN. */
export function logSigmoid(x: number): number {
  return x >= 0 ? -Math.log1p(Math.exp(-x)) : x - Math.log1p(Math.exp(x));
}
