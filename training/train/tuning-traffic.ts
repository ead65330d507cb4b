import { type Artifact, InvalidInputError, type Manifest, type Router } from 'pointsman';
import { SEEN_FILE } from '../artifact/build-artifact.ts';
import { bestSingleCandidate } from '../evaluate/baselines.ts';
import { compareRows, isReadOff } from '../evaluate/compare.ts';
import type { EvaluationInput, TrainMeans } from '../evaluate/evaluation-input.ts';
import { valueRows, type WeighedRows, weighRows } from '../evaluate/setting-worth.ts';
import { unknownCosts } from '../evaluate/verdict.ts';
import { scoresOf } from '../ingest/report.ts';
import type { OutcomeMatrix } from '../outcomes/matrix.ts';
import { decodeSeenPrompts, groupPrompts, nameSplits, type SeenRole } from '../split/split.ts';
import { formatCount, plural } from '../words.ts';
import { alignCandidates, predictTest, routerPropensities } from './evaluate-router.ts';
import type { PreparedTraffic } from './prepare-traffic.ts';

/** What a setting is found on, and what it is measured on: rows of the matrix, ascending. */
export interface TuningSplit {
  /**
   * What they are. `own`: calibrate and test split of the traffic that the router was trained on. `calibrate`: of other files with
   * such traffic, the prompts that it was calibrated on and those that it has not seen. `unseen`: those that it has not seen.
   */
  readonly kind: 'own' | 'calibrate' | 'unseen';
  readonly tune: Int32Array;
  /** Null where it is measured on what it is found on. */
  readonly test: Int32Array | null;
  /** What the router has seen of the traffic; null where that cannot be told. */
  readonly seen: SeenSplit | null;
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
export function tuningSplit(artifact: Artifact, traffic: PreparedTraffic): TuningSplit {
  const { groups, ingest, matrix, splits } = traffic;
  const { dataFingerprint, prompts } = artifact.manifest.provenance;
  const isOwn = ingest.fingerprint === dataFingerprint;
  const own = { kind: 'own', tune: splits.calibrate.rows, test: splits.test.rows } as const;
  const seen = splitBySeen(artifact, matrix, groups);
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

/** Parts for scores that nothing was fitted on, so that every prompt serves, but for a test split held back. */
export function judgedParts(
  { provenance }: Manifest,
  { ingest, matrix, splits: { calibrate, fit, test } }: PreparedTraffic,
): TuningSplit {
  const none = { seen: null, note: null };
  if (ingest.fingerprint !== provenance.dataFingerprint)
    return { kind: 'unseen', tune: Int32Array.from(matrix.prompts.keys()), test: null, ...none };
  return {
    kind: 'own',
    tune: Int32Array.from([...fit.rows, ...calibrate.rows]).sort(),
    test: test.rows,
    ...none,
  };
}

/** The same as figures, for `--json`. */
export function tunedOn({ kind, note, seen }: TuningSplit) {
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
  { note, seen }: TuningSplit,
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

/** Prompts of traffic by what a router has seen of them: rows of the matrix, ascending. */
export interface SeenSplit {
  /** Neither these nor near-duplicates of them. */
  readonly unseen: Int32Array;
  /** Its calibrators were fitted on them, or on near-duplicates of them; its heads were not. */
  readonly calibrate: Int32Array;
  /** Its heads were fitted on them, or on near-duplicates of them. */
  readonly fit: Int32Array;
}

/**
 * Parts traffic by what a router has seen of it, whatever file it comes in. A prompt counts as seen when it is that of the
 * training but for case and white space, or a near-duplicate of another prompt of the traffic that is.
 *
 * @param artifact read with its reports
 * @param groups near-duplicate group of each prompt. @default they are found
 * @returns why it cannot be told, where the artifact has no record: a sentence.
 * @throws InvalidInputError when its record is of a newer version.
 */
export function splitBySeen(
  { manifest, reports }: Artifact,
  traffic: Pick<OutcomeMatrix, 'prompts'>,
  groups?: Int32Array,
): SeenSplit | string {
  const record = reports?.files.get(SEEN_FILE);
  if (record === undefined)
    return `Whether the router was trained on some of these prompts cannot be told: ${whyNone(reports)}`;
  const seen = decodeSeenPrompts(record, manifest.provenance.dataFingerprint);
  const own = traffic.prompts.map((prompt) => seen.roleOf(prompt));
  const rows = [...own.keys()];
  if (own.every((role) => role === null))
    return { unseen: Int32Array.from(rows), calibrate: new Int32Array(), fit: new Int32Array() };
  const groupOf = groups ?? groupPrompts(traffic).groups;
  const groupsOf = (role: SeenRole) =>
    new Set(rows.filter((row) => own[row] === role).map((row) => groupOf[row]));
  const [fitted, calibrated] = [groupsOf('fit'), groupsOf('calibrate')];
  const isFit = (row: number) => fitted.has(groupOf[row]);
  const isCalibrate = (row: number) => !isFit(row) && calibrated.has(groupOf[row]);
  return {
    unseen: Int32Array.from(rows.filter((row) => !isFit(row) && !isCalibrate(row))),
    calibrate: Int32Array.from(rows.filter(isCalibrate)),
    fit: Int32Array.from(rows.filter(isFit)),
  };
}

function whyNone(reports: Artifact['reports']): string {
  if (reports === undefined) return 'its reports were not read.';
  return (
    reports.changed.get(SEEN_FILE) ??
    `it has no ${SEEN_FILE}, as routers of earlier versions have none. If it was, what follows flatters it.`
  );
}

/** What was left out and why, as a sentence; null where nothing was. @param calibrateToo whether the calibrate prompts were */
export function sayLeftOut({ calibrate, fit, unseen }: SeenSplit, calibrateToo = true): string | null {
  const left = fit.length + (calibrateToo ? calibrate.length : 0);
  if (left === 0) return null;
  const all = fit.length + calibrate.length + unseen.length;
  return (
    `${formatCount(left)} of ${plural(all, 'prompt')} ${left === 1 ? 'was' : 'were'} left out: the router was ` +
    `${!calibrateToo || calibrate.length === 0 ? 'fitted' : fit.length === 0 ? 'calibrated' : 'fitted or calibrated'} on ` +
    `${left === 1 ? 'it or on a near-duplicate of it' : 'them or on near-duplicates of them'}.`
  );
}

/** Traffic on which weights of a router can be found and measured. */
export interface WeighedTraffic {
  /** Of the router's candidates, in the order of the tables. */
  readonly names: readonly string[];
  /** Number of the candidate that settings are compared with. */
  readonly single: number;
  /** What weights are found on. */
  readonly tune: WeighedRows;
  /** What they are measured on; null where that is the same. */
  readonly test: WeighedRows | null;
}

interface WeighOptions {
  /** The rows that weights are found on, and others that they are measured on. */
  readonly parts: Pick<TuningSplit, 'tune' | 'test'>;
  /** The candidate that settings are compared with. @default the best single candidate in training */
  readonly against?: string;
  readonly resamples: number;
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * What a router says of traffic, and what its choices are worth there: as they were seen, or estimated off-policy where the
 * traffic holds one candidate's answer a prompt.
 *
 * @throws InvalidInputError saying what the traffic lacks.
 */
export async function weighTraffic(
  router: Router,
  { groups, matrix: traffic }: Pick<PreparedTraffic, 'groups' | 'matrix'>,
  { against, onProgress, parts, resamples }: WeighOptions,
): Promise<WeighedTraffic> {
  const { manifest } = router;
  const names = manifest.candidates.map(({ name }) => name);
  const matrix = alignCandidates(traffic, names);
  const means: TrainMeans = {
    quality: Float64Array.from(manifest.candidates, ({ meanQuality, retired }) =>
      retired === true ? Number.NaN : (meanQuality ?? Number.NaN),
    ),
    costUsd: Float64Array.from(manifest.candidates, ({ meanCostUsd }) => meanCostUsd ?? Number.NaN),
  };
  const { seed } = manifest.provenance;
  const none = new Int32Array();
  const inputs: EvaluationInput[] = [];
  for (const rows of parts.test === null ? [parts.tune] : [parts.tune, parts.test]) {
    const splits = nameSplits(none, none, rows);
    inputs.push({
      matrix,
      splits,
      // Weights are of a policy that asks one candidate, whatever the router's own is.
      predictions: await predictTest(router, matrix, splits.test, null, { followsPlans: false, onProgress }),
      artifactId: manifest.id,
      policy: '',
      groups,
    });
  }
  const isSeen = inputs.every((input) =>
    isReadOff(matrix, input.splits.test.rows, compareRows(input, means).coverage),
  );
  const propensities = isSeen ? null : await routerPropensities(traffic, names, groups, seed);
  const [tune, test = null] = inputs.map((input) => {
    const valued = valueRows({ ...input, propensities }, means, { seed, resamples });
    if (typeof valued === 'string')
      throw new InvalidInputError(`Weights cannot be found on this traffic. ${valued}`);
    if (valued.comparison.costUsd === null) throw new InvalidInputError(unknownCosts(valued));
    return weighRows(valued, input.predictions, manifest.candidates);
  });
  const { compared } = tune.valued.comparison;
  const single =
    against === undefined ? bestSingleCandidate(tune.valued.comparison, means) : names.indexOf(against);
  if (compared.includes(single)) return { names, single, tune, test };
  throw new InvalidInputError(
    `\`--against\` must name a candidate with enough outcomes in the traffic, among ${compared.map((c) => names[c]).join(', ')}. Got "${against}".`,
  );
}

/**
 * The cheapest candidate in use and the best; where the best is the cheapest too, the next best and it.
 * @param seen candidates that the traffic has outcomes of
 * @throws InvalidInputError where those are fewer than two
 */
export function cheapestAndBest(manifest: Manifest, seen: ReadonlySet<string>): string[] {
  const inUse = manifest.candidates.filter(({ retired }) => retired !== true);
  const candidates = inUse.filter(({ name }) => seen.has(name));
  if (candidates.length < 2) {
    throw new InvalidInputError(
      `The traffic must have outcomes of two candidates at least of those in use: ${inUse.map(({ name }) => name).join(', ')}.`,
    );
  }
  const best = candidates.reduce((a, b) => ((b.meanQuality ?? -1) > (a.meanQuality ?? -1) ? b : a));
  const others = candidates.filter((candidate) => candidate !== best);
  const known = others.filter(({ meanCostUsd }) => meanCostUsd !== null);
  const cheapest =
    known.length > 0
      ? known.reduce((a, b) => ((b.meanCostUsd ?? 0) < (a.meanCostUsd ?? 0) ? b : a))
      : others.reduce((a, b) => ((b.meanQuality ?? 1) < (a.meanQuality ?? 1) ? b : a), others[0]);
  return cheapest === undefined ? [best.name] : [cheapest.name, best.name];
}
