/** One measured figure beside its target. */
export interface BenchLine {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** As written in the targets, such as '≤ 100'; null where there is none. */
  readonly target: string | null;
  /** Whether the target is met; null where there is none. */
  readonly met: boolean | null;
  /** What it was measured on, or why it was not. */
  readonly note: string;
}

/** A line whose value must be at most `target`. */
export function atMost(name: string, value: number, unit: string, target: number, note: string): BenchLine {
  return { name, value, unit, target: `≤ ${target}`, met: value <= target, note };
}

/** A line whose value must be at least `target`. */
export function atLeast(name: string, value: number, unit: string, target: number, note: string): BenchLine {
  return { name, value, unit, target: `≥ ${target}`, met: value >= target, note };
}

/** A line without a target. */
export function plain(name: string, value: number, unit: string, note: string): BenchLine {
  return { name, value, unit, target: null, met: null, note };
}

/** Mean over seeds, or over candidates; NaN where one of them has none. */
export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Figures of seeds, one behind the other. */
export function shown(values: readonly number[]): string {
  return values.map((value) => value.toFixed(4)).join(' ');
}

/** A line that could not be measured, with the reason. */
export function skipped(name: string, reason: string): BenchLine {
  return { name, value: Number.NaN, unit: '', target: null, met: null, note: `skipped: ${reason}` };
}

/** Where an outside review found what the simulations hold in check. */
const REVIEWED = '18d87cb';

/** A line with what the same simulation gave before it was mended. @param figure such as '31 %' */
export function mended(figure: string, line: BenchLine): BenchLine {
  return { ...line, note: `${figure} at ${REVIEWED}; ${line.note}` };
}
