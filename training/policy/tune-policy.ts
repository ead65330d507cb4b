import { InvalidInputError, type PolicySpec } from 'pointsman';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import { measureSetting, type SettingFigures } from './measure-setting.ts';
import { cascadeFamily, type RoutingFamily, thresholdFamily } from './routing-family.ts';
import { tuneForLoss } from './tune-for-loss.ts';
import { tuneForShare } from './tune-for-share.ts';
import { type TuningRows, tuningRows } from './tuning-rows.ts';

/** Rows of the matrix, and the router's calibrated success for them, `[rows, candidates]`. */
export interface PredictedRows {
  readonly rows: Int32Array;
  readonly success: Float32Array;
}

export interface TunePolicyInput {
  readonly matrix: OutcomeMatrix;
  /** What the dial is set on: prompts that the heads were not fitted on. */
  readonly tune: PredictedRows;
  /** What the result is measured on; null measures it where it was set, which flatters it. */
  readonly test: PredictedRows | null;
  /** Cheapest first. Two of them make a `threshold`, unless `kind` says otherwise; more make a `cascade`. */
  readonly candidates: readonly string[];
  /** @default 'threshold' for two candidates, 'cascade' for more */
  readonly kind?: 'threshold' | 'cascade';
  readonly goal:
    | { readonly kind: 'strong-share'; readonly share: number }
    | { readonly kind: 'max-quality-loss'; readonly loss: number; readonly delta?: number };
  /** @default 0 */
  readonly seed?: number;
}

export interface TunedPolicy {
  readonly policy: PolicySpec;
  readonly dial: number;
  /** On the rows the dial was set on. */
  readonly tuned: SettingFigures;
  /** On other rows; null where there are none. */
  readonly test: SettingFigures | null;
}

/**
 * Sets the dial of a `threshold` or `cascade` policy.
 *
 * @throws InvalidInputError when a candidate is not there, or the rows cannot show that any setting does.
 */
export function tunePolicy(input: TunePolicyInput): TunedPolicy {
  const { matrix, goal, seed = 0 } = input;
  const numbers = input.candidates.map((name) => numberOf(matrix, name));
  const kind = input.kind ?? (numbers.length === 2 ? 'threshold' : 'cascade');
  const family = familyOf(kind, numbers);
  const rows = tuningRows(matrix, input.tune.rows, input.tune.success, numbers);
  const dial = dialFor(family, rows, kind, goal, seed);
  const policy: PolicySpec =
    kind === 'threshold'
      ? { kind, weak: input.candidates[0], strong: input.candidates[1], threshold: dial }
      : {
          kind,
          steps: input.candidates.map((use, i) =>
            i === numbers.length - 1 ? { use } : { use, minSuccess: dial },
          ),
        };
  const test =
    input.test === null
      ? null
      : measureSetting(family, dial, tuningRows(matrix, input.test.rows, input.test.success, numbers, 1));
  return { policy, dial, tuned: measureSetting(family, dial, rows), test };
}

function familyOf(kind: 'threshold' | 'cascade', numbers: readonly number[]): RoutingFamily {
  if (numbers.length < 2 || (kind === 'threshold' && numbers.length !== 2)) {
    throw new InvalidInputError(
      `A ${kind} needs ${kind === 'threshold' ? 'two candidates' : 'two candidates or more'}, cheapest first. ` +
        `Got ${numbers.length}.`,
    );
  }
  return kind === 'threshold' ? thresholdFamily(numbers[0], numbers[1]) : cascadeFamily(numbers);
}

function dialFor(
  family: RoutingFamily,
  rows: TuningRows,
  kind: 'threshold' | 'cascade',
  goal: TunePolicyInput['goal'],
  seed: number,
): number {
  if (goal.kind === 'max-quality-loss') {
    const { loss, delta = 0.1 } = goal;
    const dial = tuneForLoss(family, rows, { maxQualityLoss: loss, delta, seed });
    if (dial !== null) return dial;
    throw new InvalidInputError(
      `${rows.quality.length / rows.columns} prompts are too few to show a quality loss of at most ${loss} with ` +
        `confidence ${1 - delta}. Collect about ${Math.ceil((2 * Math.log(1 / delta)) / loss)} prompts, or allow more loss.`,
    );
  }
  if (kind === 'threshold') {
    const [weak, strong] = family.candidates;
    return tuneForShare(rows, strong, weak, goal.share);
  }
  // A cascade: the last setting, from the safest on, that still sends so many to the last candidate.
  let dial = family.dials[0];
  for (const next of family.dials) {
    if (measureSetting(family, next, rows).strongShare < goal.share) break;
    dial = next;
  }
  return dial;
}

function numberOf({ candidates }: OutcomeMatrix, name: string): number {
  const number = candidates.indexOf(name);
  if (number !== -1) return number;
  throw new InvalidInputError(
    `\`candidates\` of tuning must name candidates of the traffic, among ${candidates.join(', ')}. Got "${name}".`,
  );
}
