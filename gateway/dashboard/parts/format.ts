/** What is shown where nothing is known. */
export const UNKNOWN = '–';

/** US dollars, with as many digits as say something: `$12.30`, `$0.0042`, `$0.00000031`. */
export function formatUsd(usd: number | null): string {
  if (usd === null) return UNKNOWN;
  const size = Math.abs(usd);
  const sign = usd < 0 ? '−' : '';
  // Less than a billionth is the noise of the arithmetic.
  if (size < 1e-9) return '$0';
  if (size >= 1000) return `${sign}$${Math.round(size).toLocaleString('en-US')}`;
  if (size >= 1) return `${sign}$${size.toFixed(2)}`;
  const decimals = Math.min(12, 1 - Math.floor(Math.log10(size)));
  return `${sign}$${size.toFixed(decimals)}`;
}

/** What turns the order of letters that follow, as a text of somebody else may: told by its number instead. Marks and isolates of right-to-left writing stay. */
export function withoutTurns(text: string): string {
  return text.replace(/[\u202a-\u202e]/g, (turn) => `⟨U+${turn.charCodeAt(0).toString(16).toUpperCase()}⟩`);
}

export function formatMs(ms: number | null): string {
  if (ms === null) return UNKNOWN;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return ms < 60_000
    ? `${(ms / 1000).toFixed(1)} s`
    : `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

/** @param share 0 to 1 */
export function formatPercent(share: number | null, digits = 0): string {
  return share === null ? UNKNOWN : `${(100 * share).toFixed(digits)} %`;
}

export function formatNumber(value: number | null, digits = 2): string {
  return value === null ? UNKNOWN : value.toFixed(digits);
}

/** What is around 1, or far from it, with as many digits as tell two of them apart. */
export function formatRatio(value: number | null): string {
  if (value === null) return UNKNOWN;
  return value === 0 || Math.abs(value) >= 0.1 ? value.toFixed(1) : value.toPrecision(1);
}

export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

/** @param count of what is named in the singular */
export function plural(count: number, word: string, several = `${word}s`): string {
  return `${formatCount(count)} ${count === 1 ? word : several}`;
}

/** The time of the day, in the reader's own time. */
export function formatTime(iso: string): string {
  return new Date(iso).toLocaleTimeString('en-GB');
}

export function formatDateTime(iso: string): string {
  const date = new Date(iso);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${formatTime(iso)}`;
}

const two = (value: number): string => String(value).padStart(2, '0');

const DAY_SECONDS = 86_400;

/** A mark on the axis of times: the time of the day, or the day where it begins, in the reader's own time. @param step seconds between two marks */
export function formatTick(seconds: number, step: number): string {
  const date = new Date(1000 * seconds);
  const [hours, minutes, rest] = [date.getHours(), date.getMinutes(), date.getSeconds()];
  if (step >= DAY_SECONDS || hours + minutes + rest === 0)
    return `${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${two(hours)}:${two(minutes)}${step < 60 ? `:${two(rest)}` : ''}`;
}

/** From when to when a chart goes, in seconds: of a single time, over three days around it. */
export function timeRange(times: readonly number[]): [from: number, to: number] {
  const from = times[0] ?? Date.now() / 1000;
  const to = times.at(-1) ?? from;
  return from === to ? [from - 1.5 * DAY_SECONDS, to + 1.5 * DAY_SECONDS] : [from, to];
}
