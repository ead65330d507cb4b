/** Quality, 0 to 1, in points (hundredths): one decimal, two where that would hide a small difference. */
export function formatPoints(quality: number): string {
  const points = 100 * quality;
  const digits = Math.abs(points) < 1 ? 2 : 1;
  // -0.00 is 0.
  return (Number(points.toFixed(digits)) + 0).toFixed(digits).replace('-', '−');
}

/** The same with its sign. */
export function formatSignedPoints(quality: number): string {
  const text = formatPoints(quality);
  return text.startsWith('−') || Number(text) === 0 ? text : `+${text}`;
}
