import { InvalidInputError } from 'pointsman';
import type { Artifact, Manifest } from 'pointsman/artifact';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import { scoresOf } from '../pipeline/check-trainable.ts';
import { partBySeen, type SeenParts, sayLeftOut } from '../pipeline/part-by-seen.ts';
import type { PreparedTraffic } from './prepare-traffic.ts';

/** What a setting is found on, and what it is measured on: rows of the matrix, ascending. */
export interface TuningParts {
  /**
   * What they are. `own`: calibrate and test split of the traffic that the router was trained on. `calibrate`: of other files with
   * such traffic, the prompts that it was calibrated on and those that it has not seen. `unseen`: those that it has not seen.
   */
  readonly kind: 'own' | 'calibrate' | 'unseen';
  readonly tune: Int32Array;
  /** Null where it is measured on what it is found on. */
  readonly test: Int32Array | null;
  /** What the router has seen of the traffic; null where that cannot be told. */
  readonly seen: SeenParts | null;
  /** What was left out and why, or that it cannot be told; null where the router has seen nothing. */
  readonly note: string | null;
}

/** Fewer calibrate prompts, for what there is unseen, than this share of what the router's own traffic has: other traffic. */
const SHARE_OF_OWN = 0.5;

/**
 * Parts traffic for tuning. A setting is not found on what the heads were fitted on, nor measured on what anything was.
 * @param artifact of the router, read with its reports
 * @throws InvalidInputError where nothing is left
 */
export function tuningParts(artifact: Artifact, traffic: PreparedTraffic): TuningParts {
  const { groups, ingest, matrix, splits } = traffic;
  const { dataFingerprint, prompts } = artifact.manifest.provenance;
  const isOwn = ingest.fingerprint === dataFingerprint;
  const own = { kind: 'own', tune: splits.calibrate.rows, test: splits.test.rows } as const;
  const seen = partBySeen(artifact, matrix, groups);
  if (typeof seen === 'string') {
    if (isOwn) return { ...own, seen: null, note: null };
    return {
      kind: 'unseen',
      tune: Int32Array.from(matrix.prompts.keys()),
      test: null,
      seen: null,
      note: seen,
    };
  }
  const [fitted, unseen] = [new Set(seen.fit), new Set(seen.unseen)];
  // Retraining parts by days, and splitting again would not find its splits.
  const isSplitAlike = own.tune.every((row) => !fitted.has(row)) && own.test.every((row) => unseen.has(row));
  if (isOwn && isSplitAlike) return { ...own, seen, note: null };
  if (seen.unseen.length + seen.calibrate.length === 0) {
    throw new InvalidInputError(`Nothing is left to tune on. ${sayLeftOut(seen)} Give newer traffic.`);
  }
  const expected = (seen.unseen.length * prompts.calibrate) / prompts.test;
  if (seen.calibrate.length > SHARE_OF_OWN * expected || seen.unseen.length === 0) {
    return {
      kind: 'calibrate',
      tune: seen.calibrate,
      test: seen.unseen.length === 0 ? null : seen.unseen,
      seen,
      note: sayLeftOut(seen, false),
    };
  }
  return { kind: 'unseen', tune: seen.unseen, test: null, seen, note: sayLeftOut(seen) };
}

/** The same as figures, for `--json`. */
export function tunedOn({ kind, note, seen }: TuningParts) {
  const leftOut =
    seen === null
      ? null
      : {
          fit: kind === 'own' ? 0 : seen.fit.length,
          calibrate: kind === 'unseen' ? seen.calibrate.length : 0,
          why: note,
        };
  return { tunedOn: kind, leftOut };
}

/** Candidates that traffic has a quality of. */
export function candidatesSeen({ candidates, quality }: OutcomeMatrix): ReadonlySet<string> {
  const scores = scoresOf(quality, candidates.length);
  return new Set(candidates.filter((_, c) => scores[c] > 0));
}

/**
 * Does `find`. Its errors also say which of these candidates, if in use, the traffic has no outcome of, and what of it was left out: that may be
 * why there are too few.
 */
export async function sayingMissing<Result>(
  candidates: Manifest['candidates'],
  traffic: OutcomeMatrix,
  { note, seen }: TuningParts,
  find: () => Promise<Result>,
): Promise<Result> {
  try {
    return await find();
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error;
    const known = candidatesSeen(traffic);
    const missing = candidates.filter(({ name, retired }) => retired !== true && !known.has(name));
    const names = missing.map(({ name }) => name).join(', ');
    const why =
      missing.length === 0
        ? ''
        : ` The traffic has no outcome of ${names}, which the router may choose: give traffic with its answers, or name others by --candidates.`;
    throw new InvalidInputError(`${error.message}${why}${note === null || seen === null ? '' : ` ${note}`}`, {
      cause: error,
    });
  }
}
