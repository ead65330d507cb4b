/**
 * Whether no entry is NaN or infinite. Empty: true. Three searches in the engine's own code are ready at once; a loop
 * here would run interpreted, as tables are checked once a load.
 */
export function allFinite(values: Float32Array | Float64Array): boolean {
  return !values.includes(Number.NaN) && !values.includes(Infinity) && !values.includes(-Infinity);
}
