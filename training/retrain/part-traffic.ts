import { dayOf } from '../drift/index.ts';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';

export interface PartOptions {
  readonly learnDays: number;
  readonly learnPrompts: number;
  readonly judgeDays: number;
  readonly judgePrompts: number;
}

/** Prompts of the matrix by what they are for; ascending, so by time. */
export interface PartedTraffic {
  readonly learn: Int32Array;
  readonly judge: Int32Array;
  /** Of the days that judge, but near-duplicates of what is learned from. */
  readonly repeats: number;
  readonly undated: number;
}

/**
 * The newest days judge, those before teach. A day is of one kind only, so that no batch both teaches and judges; near-duplicates
 * of what is learned from do not judge. Of traffic without a quality nothing can be said.
 *
 * @param usable prompts that are trusted: `[prompts]` @param groups near-duplicate group of each prompt
 */
export function partTraffic(
  matrix: OutcomeMatrix,
  groups: Int32Array,
  usable: (row: number) => boolean,
  { judgeDays, judgePrompts, learnDays, learnPrompts }: PartOptions,
): PartedTraffic {
  const { prompts } = matrix;
  const scored = scoredRows(matrix).filter(usable);
  const dated = scored.filter((row) => prompts[row].timestampMs !== null);
  const day = (row: number) => dayOf(prompts[row].timestampMs);
  const perDay = new Map<number, number>();
  for (const row of dated) perDay.set(day(row), (perDay.get(day(row)) ?? 0) + 1);
  const days = [...perDay.keys()].sort((a, b) => b - a);
  let first = Number.POSITIVE_INFINITY;
  let judging = 0;
  for (const one of days) {
    if (one <= days[0] - judgeDays && judging >= judgePrompts) break;
    first = one;
    judging += perDay.get(one)!;
  }
  const learn = dated.filter((row) => day(row) < first && day(row) >= first - learnDays).slice(-learnPrompts);
  const learned = new Set(Array.from(learn, (row) => groups[row]));
  const newest = dated.filter((row) => day(row) >= first);
  const judge = newest.filter((row) => !learned.has(groups[row]));
  return {
    learn,
    judge,
    repeats: newest.length - judge.length,
    undated: scored.length - dated.length,
  };
}

/** Prompts with at least one quality, ascending. */
export function scoredRows({ candidates, prompts, quality }: OutcomeMatrix): Int32Array {
  const columns = candidates.length;
  return Int32Array.from(prompts.keys()).filter((row) =>
    quality.subarray(row * columns, (row + 1) * columns).some((value) => !Number.isNaN(value)),
  );
}
