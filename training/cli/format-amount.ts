/** US dollars, often of 1,000 requests, since those of one can be millionths: "$0.0123"; "–" where nothing is known. */
export function formatAmountUsd(usd: number | null): string {
  return usd === null ? '–' : `$${threeDigits(usd)}`;
}

/** "0.0720 ms", "1,230 ms", "–" where nothing is known. */
export function formatAmountMs(ms: number | null): string {
  return ms === null ? '–' : `${threeDigits(ms)} ms`;
}

/** "480 B", "12.3 kB", "4.1 MB". */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function threeDigits(value: number): string {
  if (value === 0) return '0';
  if (value < 1e-5) return value.toExponential(2);
  if (value >= 100) return Math.round(value).toLocaleString('en-US');
  return value.toPrecision(3);
}
