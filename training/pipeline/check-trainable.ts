import { InvalidInputError } from 'pointsman';
import type { IngestReport } from '../ingest/report.ts';
import { countKinds } from '../outcomes/count-records.ts';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import { qualityAdvice } from '../outcomes/report-doubts.ts';
import type { Splits } from '../split/split.ts';
import { plural } from '../words/format-number.ts';

/** Fewer prompts than these teach nothing that could be told from chance. */
export const FEWEST_PROMPTS = 50;
export const FEWEST_IN_SPLIT = 8;

/** What a manifest may name. */
const MOST_CANDIDATES = 1000;
const LONGEST_NAME = 200;

/**
 * Refuses traffic that no router can be learned from, and says what is missing.
 * @param ingest how it was read: what was lost there may be what is missing
 * @throws InvalidInputError
 */
export function checkTraffic({ candidates, prompts, quality }: OutcomeMatrix, ingest?: IngestReport): void {
  checkNames(candidates);
  const scored = scoresOf(quality, candidates.length);
  const withScores = candidates.filter((_, c) => scored[c] > 0);
  if (withScores.length === 0) {
    throw new InvalidInputError(
      `Training needs to know how good the answers were: \`quality\`, 0 to 1. None of ${prompts.length} prompts has it. ` +
        `${qualityAdvice(ingest?.formats)}.${rejectedRows(ingest)}`,
    );
  }
  if (withScores.length < 2) {
    throw new InvalidInputError(
      `Training needs at least 2 candidates with a quality score to choose among. Got 1: ${withScores[0]}. ` +
        `Add answers of another candidate, best of all to the same prompts.${rejectedRows(ingest)}`,
    );
  }
  let known = 0;
  for (let row = 0; row < prompts.length; row++) {
    const from = row * candidates.length;
    if (quality.subarray(from, from + candidates.length).some((value) => !Number.isNaN(value))) known++;
  }
  if (known < FEWEST_PROMPTS) {
    throw new InvalidInputError(
      `Training needs at least ${FEWEST_PROMPTS} prompts with a quality score, and some 1,000 for a router that can be ` +
        `trusted. Got ${known}. Collect more traffic.${rejectedRows(ingest)}`,
    );
  }
}

/** Before anything is fitted: a manifest takes no more, and no other. */
function checkNames(candidates: readonly string[]): void {
  if (candidates.length > MOST_CANDIDATES) {
    throw new InvalidInputError(
      `A router chooses among at most ${MOST_CANDIDATES.toLocaleString('en-US')} candidates. Got ${candidates.length.toLocaleString('en-US')}, ` +
        `such as ${candidates.slice(0, 3).join(', ')}. The candidate of a row is the name of a model, not an id: name its column with --map candidate=...`,
    );
  }
  const odd = candidates.find((name) => name.length === 0 || name.length > LONGEST_NAME);
  if (odd === undefined) return;
  throw new InvalidInputError(
    `The name of a candidate must have 1 to ${LONGEST_NAME} characters. Got ${odd.length === 0 ? 'none' : `${odd.length}: ${odd.slice(0, 60)}...`} ` +
      'Name the column of models with --map candidate=...',
  );
}

/** What of the traffic could not be used, and why; nothing where all of it could. */
function rejectedRows(ingest: IngestReport | undefined): string {
  const rejected = ingest?.rejected ?? [];
  if (ingest === undefined || rejected.length === 0) return '';
  const why = rejected.slice(0, 5).map(({ count: times, examples: [{ file, line }], reason }) => {
    return `${times.toLocaleString('en-US')} × ${reason} (${file}:${line})`;
  });
  const counts = countKinds(ingest).flatMap(({ kind, rejected: own, total }) => {
    const count = own.reduce((sum, each) => sum + each.count, 0);
    return count === 0 ? [] : [`${count.toLocaleString('en-US')} of ${plural(total, kind)}`];
  });
  return (
    ` ${counts.join(' and ')} were rejected: ${why.join('; ')}` +
    `${rejected.length > why.length ? '; ...' : ''}.`
  );
}

/**
 * Refuses splits too small to be of use: near-duplicates share a split, and say no more than one of them.
 * @param groups near-duplicate group of each prompt @throws InvalidInputError
 */
export function checkSplits({ fit, calibrate, test }: Splits, groups: Int32Array): void {
  const sizes = [fit, calibrate, test].map(({ rows }) => new Set(rows.map((row) => groups[row])).size);
  if (sizes.every((size) => size >= FEWEST_IN_SPLIT)) return;
  throw new InvalidInputError(
    `Each split needs at least ${FEWEST_IN_SPLIT} prompts. Got ${sizes[0]} to fit, ${sizes[1]} to calibrate and ` +
      `${sizes[2]} to test; near-duplicate prompts count once. Collect more prompts that differ, or change ` +
      '`split` in the config.',
  );
}

/** Quality scores of each candidate: `[candidates]` */
export function scoresOf(quality: Float32Array, candidates: number): number[] {
  const counts = new Array<number>(candidates).fill(0);
  quality.forEach((value, i) => {
    if (!Number.isNaN(value)) counts[i % candidates]++;
  });
  return counts;
}
