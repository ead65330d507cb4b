import { ArtifactError } from '../errors.ts';
import {
  allFinite,
  createRandom,
  dotInt8,
  holdBack,
  logit,
  normalBelow,
  printNumber,
  readFloat32,
  sigmoid,
} from '../math.ts';
import type { Change, Plan } from './plan.ts';

/**
 * How unsure the success probabilities are: the posterior of ridge regressions of the difficulty of a prompt, and of what each
 * candidate differs by (Bayesian linear regression: Bishop 2006, section 3.3), at the penalties that the quality heads have.
 */
export interface UncertaintySpec {
  /**
   * Float32, little-endian: second moments of the features, of what lies outside of the directions first and then along each
   * `[1 + components]`; scale of each direction `[components]`; covariance of what the heads leave of candidates' outcomes, by
   * candidate `[candidates, candidates]`. Then int8: the directions `[components, length]`.
   */
  readonly file: string;
  /** Directions of the features that are weighed apart; 0 or more. */
  readonly components: number;
  /** How hard a prompt is for all alike: how many outcomes it was learned from, the penalty, and the variance of what it leaves. */
  readonly difficulty: { readonly outcomes: number; readonly penalty: number; readonly variance: number };
  /** What each candidate differs by: its outcomes, and the penalty. */
  readonly advantage: { readonly outcomes: readonly number[]; readonly penalty: number };
}

/** How unsure the predictions for one request are. Valid until the next one is looked at. */
export interface Uncertainty {
  /** Standard error of a candidate's success probability, by its index. */
  standardError(candidate: number): number;
  /** Standard error of the difference between two of them: errors that both share cancel. */
  differenceError(a: number, b: number): number;
  /**
   * How likely each candidate of `order` is to have the highest utility, in that order: what Thompson sampling draws with.
   * They are shares of draws that are the same at every request, so they sum to 1, and one may be 0.
   *
   * @param utilities `[candidates]`
   * @param perSuccess what a whole success probability adds to a utility
   */
  shares(order: readonly number[], utilities: Float64Array, perSuccess: number): Float64Array;
  /** {@link abstainPlan}, by these errors. */
  abstain(...given: AbstainInput): Plan;
}

type AbstainInput = [
  plan: Plan,
  /** Undefined where limits removed it. */
  other: Plan | undefined,
  /** 0 to 1. */
  confidence: number,
  candidates: readonly { readonly name: string }[],
];

/** Features to how unsure the predictions for them are. */
export interface UncertaintyReader {
  /**
   * @param features standardised, `[length]`
   * @param calibration of what is predicted for them
   */
  read(features: Float32Array, calibration: Calibration): Uncertainty;
}

/** How scores became success probabilities. */
export interface Calibration {
  /** Logits of expected qualities, `[candidates]`. */
  readonly scores: ArrayLike<number>;
  /** One a candidate. */
  readonly calibrators: readonly { probability(logit: number): number }[];
}

/** Draws that shares are counted in: half of them, and what mirrors each. */
const DRAWS = 1024;

/** @throws ArtifactError when its file does not fit, or is not as it was written */
export async function loadUncertainty({
  file,
  load,
  manifest,
}: UncertainArtifact): Promise<UncertaintyReader | undefined> {
  const { candidates, features, uncertainty } = manifest;
  if (uncertainty === undefined) return undefined;
  const bytes = await (load?.(uncertainty.file) ?? file(uncertainty.file));
  return readUncertainty(uncertainty, features.length, candidates.length, bytes);
}

/** What of an artifact it takes. */
interface UncertainArtifact {
  readonly manifest: {
    readonly candidates: readonly unknown[];
    readonly features: { readonly length: number };
    readonly uncertainty?: UncertaintySpec;
  };
  file(path: string): Uint8Array;
  load?(path: string): Promise<Uint8Array>;
}

/**
 * @param length of the features @param candidates how many there are
 * @throws ArtifactError when the file does not fit
 */
export function readUncertainty(
  spec: UncertaintySpec,
  length: number,
  candidates: number,
  bytes: Uint8Array,
): UncertaintyReader {
  const { advantage, components, difficulty, file } = spec;
  const floats = 1 + 2 * components + candidates * candidates;
  if (bytes.length !== 4 * floats + components * length) {
    throw new ArtifactError(
      `"${file}" must hold ${floats} numbers of 4 bytes and ${components * length} of one. Got ${bytes.length} bytes. ` +
        'Export the artifact again.',
    );
  }
  const numbers = readFloat32(bytes, 0, floats);
  const moments = numbers.subarray(0, 1 + components);
  const covariance = Float64Array.from(numbers.subarray(1 + 2 * components));
  const isUsable = moments.every((moment) => moment >= 0) && isCovariance(covariance, candidates);
  if (!allFinite(numbers) || !isUsable) {
    throw new ArtifactError(
      `"${file}" must hold finite numbers, moments and variances of them >= 0. Export the artifact again.`,
    );
  }
  const scales = numbers.subarray(1 + components, 1 + 2 * components);
  const directions = new Int8Array(bytes.buffer, bytes.byteOffset + 4 * floats, components * length);
  // Where all candidates have as many outcomes, one sum does for all.
  const alike = advantage.outcomes.every((outcomes) => outcomes === advantage.outcomes[0]);
  const exact = new Float64Array(length);
  const squares = new Float64Array(1 + components);
  const leverage = new Float64Array(candidates);
  const slopes = new Float64Array(candidates);
  let draws: Float64Array | undefined;

  /** x' (outcomes · moments + penalty)⁻¹ x, and what is not known of the mean. */
  const leverageOf = (outcomes: number, penalty: number) => {
    let sum = 1 / outcomes;
    for (let k = 0; k <= components; k++) sum += squares[k] / (outcomes * moments[k] + penalty);
    return sum;
  };

  return {
    read(features, { calibrators, scores }) {
      exact.set(features);
      let rest = 0;
      for (let i = 0; i < length; i++) rest += exact[i] * exact[i];
      for (let k = 0; k < components; k++) {
        squares[1 + k] = (dotInt8(exact, directions, k * length) * scales[k]) ** 2;
        rest -= squares[1 + k];
      }
      squares[0] = Math.max(0, rest);
      const shared = difficulty.variance * leverageOf(difficulty.outcomes, difficulty.penalty);
      for (let c = 0; c < candidates; c++) {
        leverage[c] =
          alike && c > 0 ? leverage[0] : Math.sqrt(leverageOf(advantage.outcomes[c], advantage.penalty));
      }
      const own = (a: number, b: number) => covariance[a * candidates + b] * leverage[a] * leverage[b];
      for (let c = 0; c < candidates; c++) {
        slopes[c] = slopeOf(calibrators[c], sigmoid(scores[c]), Math.sqrt(shared + own(c, c)));
      }
      const uncertainty: Uncertainty = {
        standardError: (c) => Math.abs(slopes[c]) * Math.sqrt(shared + own(c, c)),
        differenceError(a, b) {
          const [alongA, alongB] = [slopes[a], slopes[b]];
          const variance =
            (alongA - alongB) ** 2 * shared +
            alongA ** 2 * own(a, a) +
            alongB ** 2 * own(b, b) -
            2 * alongA * alongB * own(a, b);
          return Math.sqrt(Math.max(0, variance));
        },
        shares(order, utilities, perSuccess) {
          draws ??= drawErrors(covariance, candidates);
          const width = candidates + 1;
          const shares = new Float64Array(order.length);
          const deviation = Math.sqrt(shared);
          for (let draw = 0; draw < DRAWS; draw++) {
            const at = (draw >> 1) * width;
            const sign = draw % 2 === 0 ? perSuccess : -perSuccess;
            let first = 0;
            let most = Number.NEGATIVE_INFINITY;
            for (let i = 0; i < order.length; i++) {
              const c = order[i];
              const error = draws[at] * deviation + draws[at + 1 + c] * leverage[c];
              const utility = utilities[c] + sign * slopes[c] * error;
              if (utility > most) {
                most = utility;
                first = i;
              }
            }
            shares[first] += 1 / DRAWS;
          }
          return shares;
        },
        abstain: (...given) => abstainPlan(uncertainty.differenceError, ...given),
      };
      return uncertainty;
    },
  };
}

/**
 * The plan where its first is surely better than that of the other, and the other one where it is not. What counts is the error of the
 * difference: what both have in common, such as how hard the prompt is, makes neither less sure.
 */
export function abstainPlan(
  differenceError: Uncertainty['differenceError'],
  ...[plan, other, confidence, candidates]: AbstainInput
): Plan {
  const first = plan.order[0];
  const path = (word: string, { path: names }: Plan) => [word, ...names];
  if (other === undefined) {
    const why = 'It stands whatever it is worth, since limits removed what it is compared with.';
    return { ...plan, reasons: [...plan.reasons, why], path: path('abstain:stands', plan), changes: [] };
  }
  const to = other.order[0];
  if (first === to) return { ...plan, path: path('abstain:agreed', plan), changes: [] };
  const { perSuccess = 1, utilities } = plan;
  const lead = utilities[first] - utilities[to];
  const error = perSuccess * differenceError(first, to);
  const sureness = error > 0 ? normalBelow(lead / error) : lead > 0 ? 1 : 0;
  const [name, otherName] = [candidates[first].name, candidates[to].name];
  const isSure = sureness >= confidence;
  const reason =
    `${name} has a higher utility than ${otherName} with probability ${printNumber(sureness, confidence)}, ` +
    (isSure ? `not under ${confidence}.` : `under ${confidence}, so ${otherName} takes it.`);
  // Of what would change the policy's own choice, nobody knows whether it would then be sure.
  const changes: Change[] = [];
  if (sureness < 1) {
    const candidate = isSure ? otherName : name;
    changes.push({ kind: 'threshold', field: 'confidence', from: confidence, to: sureness, candidate });
  }
  const taken: Plan = isSure ? plan : { ...other, utilities, perSuccess };
  return {
    ...taken,
    reasons: [reason, ...taken.reasons],
    path: path(isSure ? 'abstain:sure' : 'abstain', taken),
    changes,
  };
}

/** By how much a probability changes by a unit of expected quality, over a deviation to either side. */
function slopeOf(calibrator: Calibration['calibrators'][number], quality: number, deviation: number): number {
  if (!(deviation > 0)) return 0;
  const at = (value: number) => calibrator.probability(logit(holdBack(value)));
  return (at(quality + deviation) - at(quality - deviation)) / (2 * deviation);
}

/** Whether no variance is below 0, and no two candidates have more in common than each has. */
function isCovariance(covariance: Float64Array, candidates: number): boolean {
  for (let a = 0; a < candidates; a++) {
    for (let b = 0; b <= a; b++) {
      const [one, other] = [covariance[a * candidates + a], covariance[b * candidates + b]];
      const both = covariance[a * candidates + b];
      if (!(one >= 0) || both !== covariance[b * candidates + a]) return false;
      if (both * both > 1.001 * one * other) return false;
    }
  }
  return true;
}

/** Normal errors: that which all share, with variance 1, and then those of the covariance. `[DRAWS / 2, 1 + candidates]` */
function drawErrors(covariance: Float64Array, candidates: number): Float64Array {
  const lower = covariance.slice();
  for (let i = 0; i < candidates; i++) {
    for (let j = 0; j <= i; j++) {
      let rest = lower[i * candidates + j];
      for (let k = 0; k < j; k++) rest -= lower[i * candidates + k] * lower[j * candidates + k];
      const pivot = lower[j * candidates + j];
      // Differences from a mean are dependent: the last of them has no variance of its own, only what rounding left.
      const isOwn = rest > 1e-6 * covariance[i * candidates + i];
      if (i === j) lower[i * candidates + j] = isOwn ? Math.sqrt(rest) : 0;
      else lower[i * candidates + j] = pivot > 0 ? rest / pivot : 0;
    }
  }
  const random = createRandom(1);
  const width = candidates + 1;
  const draws = new Float64Array((DRAWS / 2) * width);
  const normals = new Float64Array(candidates);
  for (let at = 0; at < draws.length; at += width) {
    draws[at] = random.normal();
    for (let c = 0; c < candidates; c++) normals[c] = random.normal();
    for (let c = 0; c < candidates; c++)
      for (let k = 0; k <= c; k++) draws[at + 1 + c] += lower[c * candidates + k] * normals[k];
  }
  return draws;
}
