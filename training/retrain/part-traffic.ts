import { largest, smallest } from 'pointsman/math';
import { dayName, dayOf } from '../drift/scored-traffic.ts';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import { FEWEST_IN_SPLIT, FEWEST_PROMPTS } from '../pipeline/check-trainable.ts';
import { formatCount } from '../words/format-number.ts';
import type { RunTraffic } from './retrain-run.ts';

interface PartOptions {
  readonly learnDays: number;
  readonly learnPrompts: number;
  readonly judgeDays: number;
  readonly judgePrompts: number;
}

/** Prompts of the matrix by what they are for; ascending, so by time. */
export interface PartedTraffic {
  readonly learn: Int32Array;
  readonly judge: Int32Array;
  /** All of the days that judge, near-duplicates of what is learned from among them. */
  readonly newest: Int32Array;
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
    newest,
    repeats: newest.length - judge.length,
    undated: scored.length - dated.length,
  };
}

/**
 * Which window has too few prompts to train and judge a challenger, and when there will be enough if traffic goes on as it does;
 * null where both have. A sentence without its beginning: "Kept: ...".
 *
 * @param traffic prompts with a quality that are set aside, counted by why
 */
export function describeLack(
  matrix: OutcomeMatrix,
  { judge, learn }: Pick<PartedTraffic, 'judge' | 'learn'>,
  traffic: Pick<RunTraffic, 'future' | 'quarantined' | 'repeats' | 'undated'>,
  { judgeDays, judgePrompts, learnDays }: PartOptions,
): string | null {
  if (learn.length >= FEWEST_PROMPTS && judge.length >= FEWEST_IN_SPLIT) return null;
  const { prompts } = matrix;
  const dated = [...learn, ...judge];
  const aside = [
    [traffic.undated, 'have no timestamp'],
    [traffic.future, 'are dated after this run'],
    [traffic.quarantined, 'are in quarantine'],
    [traffic.repeats, 'repeat what is learned from'],
  ].flatMap(([count, why]) => ((count as number) > 0 ? [`${formatCount(count as number)} ${why}`] : []));
  const apart = aside.length === 0 ? '' : ` Besides, ${aside.join(', ')}.`;
  if (dated.length === 0) {
    const none =
      scoredRows(matrix).length === 0
        ? `none of ${formatCount(prompts.length)} prompts has a quality yet: it comes with the log, or by feedback`
        : 'no prompt with a quality can be used yet';
    return `there is nothing to learn from: ${none}.${apart}`;
  }
  const days = dated.map((row) => dayOf(prompts[row].timestampMs));
  const [first, last] = [smallest(days), largest(days)];
  const perDay = dated.length / (last - first + 1);
  const span = first === last ? dayName(first) : `${dayName(first)} to ${dayName(last)}`;
  const rate = `At ${formatCount(Math.max(1, Math.round(perDay)))} prompts with a quality a day`;
  if (learn.length >= FEWEST_PROMPTS) {
    return (
      `the newest days, which judge, have ${judge.length} prompts with a quality, and ${FEWEST_IN_SPLIT} are the fewest that can.${apart} ` +
      `${rate} there are enough on ${dayName(last + 1)}.`
    );
  }
  const has = learn.length === 0 ? 'no prompts' : `${learn.length} prompts`;
  const why =
    `the days that teach have ${has} with a quality, and ${FEWEST_PROMPTS} are the fewest that can: the newest ${judgeDays} days judge, and more until ` +
    `there are ${formatCount(judgePrompts)} prompts; there are ${formatCount(dated.length)} in all, of ${span}.${apart}`;
  if (perDay * learnDays < FEWEST_PROMPTS)
    return `${why} ${rate} ${learnDays} days are too few: raise \`traffic.learnDays\`.`;
  const judging = Math.max(judgeDays, Math.ceil(judgePrompts / perDay));
  const when = Math.max(last + 1, first + judging + Math.ceil(FEWEST_PROMPTS / perDay) - 1);
  return `${why} ${rate} there will be enough about ${dayName(when)}; fewer \`traffic.judgeDays\` or \`judgePrompts\` would do sooner.`;
}

/** Prompts with at least one quality, ascending. */
export function scoredRows({ candidates, prompts, quality }: OutcomeMatrix): Int32Array {
  const columns = candidates.length;
  return Int32Array.from(prompts.keys()).filter((row) =>
    quality.subarray(row * columns, (row + 1) * columns).some((value) => !Number.isNaN(value)),
  );
}
