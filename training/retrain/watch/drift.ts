import { readPrompt } from 'pointsman';
import { createRandom } from 'pointsman/internal';
import { formatSignedPoints, formatTimes } from '../../words/format.ts';
import {
  type CandidateShift,
  findShifts,
  type ScoredTraffic,
  type ShiftOptions,
} from './candidate-shifts.ts';
import {
  categoryStability,
  type PopulationStability,
  populationStability,
  type TwoSampleOptions,
  type TwoSampleResult,
  twoSampleTest,
} from './distribution-tests.ts';

interface DriftOptions extends ShiftOptions {
  /** Population stability index from which on there is an alarm, where chance does not explain it. @default 0.2 */
  readonly stability?: number;
  /**
   * How far scores must have moved besides, as a mean of probabilities: those of prompts that a router learned from differ by a
   * hair from those of prompts it did not, and where scores lie close together a hair fills other bins. @default 0.02
   */
  readonly scoreDistance?: number;
  /** Chance of an alarm about embeddings when nothing has changed, and of one about each population. @default 0.01 */
  readonly pValue?: number;
  /** Rows of each sample of embeddings. @default 200 */
  readonly rows?: TwoSampleOptions['rows'];
  /** @default 0 */
  readonly seed?: number;
}

/** What has changed in the newest traffic, against that before. Plain JSON. */
export interface DriftReport {
  readonly populations: readonly (PopulationStability & { readonly what: string; readonly alarm: boolean })[];
  /** Null without embeddings. */
  readonly embeddings: (TwoSampleResult & { readonly alarm: boolean }) | null;
  readonly candidates: readonly CandidateShift[];
  readonly alarms: readonly Alarm[];
}

/**
 * Compares newest prompts with those before (what is asked: scores, signals, embeddings), and each candidate's outcomes with
 * what the router predicts of them, day by day (what is answered).
 *
 * What is asked is compared by one prompt of each near-duplicate group, drawn from all of them in both samples: its copies
 * are no further evidence. Drawn from both together, since those that are asked again and again are in both: to leave them out
 * of one alone would be a difference of its own making.
 *
 * @param groups near-duplicate group of each prompt of the matrix
 * @param newest @param before prompts of the matrix
 * @param embeddings of every prompt, `[prompts, dimensions]`; null leaves them out
 */
export function findDrift(
  traffic: ScoredTraffic,
  groups: ArrayLike<number>,
  newest: Int32Array,
  before: Int32Array,
  embeddings: { readonly values: Float32Array; readonly columns: number } | null,
  options: DriftOptions = {},
): DriftReport {
  const { stability = 0.2, scoreDistance = 0.02, pValue = 0.01, rows = 200, seed = 0 } = options;
  const [older, newer] = oneAGroup(groups, before, newest, seed);
  const isShift = ({ index, pValue: p }: PopulationStability) => index >= stability && p <= pValue;
  const populations = measures(traffic, scoreDistance).map(({ leastDistance = 0, of, what }) => {
    const [reference, current] = [older, newer].map((part) => Array.from(part, of));
    if (typeof reference[0] !== 'number') {
      const found = categoryStability(reference, current, { seed });
      return { what, ...found, alarm: isShift(found) };
    }
    const found = populationStability(reference as number[], current as number[], { seed });
    return { what, ...found, alarm: isShift(found) && found.distance >= leastDistance };
  });
  const tested =
    embeddings && twoSampleTest(embeddings.values, embeddings.columns, older, newer, { rows, seed });
  const candidates = findShifts(traffic, groups, options);
  const alarmed = tested !== null && tested.pValue <= pValue;
  return {
    populations,
    embeddings: tested && { ...tested, alarm: alarmed },
    candidates,
    alarms: [
      ...candidates.filter(({ alarm }) => alarm).map(describeShift),
      ...populations
        .filter(({ alarm }) => alarm)
        .map(
          ({ index, what }): Alarm => ({
            kind: 'population',
            subject: what,
            sentence: `The newest prompts differ from those before in ${what}: population stability index ${index.toFixed(2)}.`,
          }),
        ),
      ...(alarmed
        ? [
            {
              kind: 'embeddings',
              subject: 'prompts',
              sentence: `The newest prompts are about other things than those before: p = ${tested.pValue.toFixed(3)} (maximum mean discrepancy).`,
            } as const,
          ]
        : []),
    ],
  };
}

/** One row of each group, by lot among its rows in both parts; what is drawn of each part. */
function oneAGroup(
  groups: ArrayLike<number>,
  before: Int32Array,
  newest: Int32Array,
  seed: number,
): [Int32Array, Int32Array] {
  const order = createRandom(seed).shuffle(joined(before, newest));
  const drawn = new Map<number, number>();
  for (const row of order) drawn.set(groups[row], row);
  const kept = new Set(drawn.values());
  return [before.filter((row) => kept.has(row)), newest.filter((row) => kept.has(row))];
}

function joined(a: Int32Array, b: Int32Array): Int32Array {
  const all = new Int32Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}

/** What is looked at of a prompt. */
function measures(
  { chosen, matrix, success }: ScoredTraffic,
  scoreDistance: number,
): { what: string; of: (row: number) => unknown; leastDistance?: number }[] {
  const columns = matrix.candidates.length;
  const { prompts } = matrix;
  return [
    {
      what: 'the score of the chosen candidate',
      of: (row) => success[row * columns + chosen[row]],
      leastDistance: scoreDistance,
    },
    { what: 'the candidate chosen', of: (row) => matrix.candidates[chosen[row]] },
    { what: 'the length of the prompt', of: (row) => readPrompt(prompts[row].request).text.length },
    ...(prompts.some(({ task }) => task !== null)
      ? [{ what: 'the task', of: (row: number) => prompts[row].task ?? '' }]
      : []),
    ...(prompts.some(({ tier }) => tier !== null)
      ? [{ what: 'the tier', of: (row: number) => prompts[row].tier ?? '' }]
      : []),
  ];
}

/** Something that a person should look at. */
export interface Alarm {
  readonly kind: 'candidate' | 'population' | 'embeddings' | 'quarantine' | 'future' | 'failed';
  /** What it is about: a candidate's name, a batch, a signal. */
  readonly subject: string;
  readonly sentence: string;
}

/** A candidate's shift in a sentence that names it. */
function describeShift({ candidate, changedOn, measure, shift, z }: CandidateShift): Alarm {
  const size = shift ?? 0;
  const says =
    measure === 'quality'
      ? `${size < 0 ? 'Worse' : 'Better'} answers of ${candidate} since ${changedOn}: beside what the router expects, ${formatSignedPoints(size)} points against before`
      : `The ${measure === 'costUsd' ? 'cost' : 'latency'} of ${candidate}, beside what the router expects, is ${formatTimes(Math.exp(size))} times what it was before ${changedOn}`;
  return {
    kind: 'candidate',
    subject: candidate,
    sentence: `${says} (${Math.abs(z ?? 0).toFixed(1)} standard errors).`,
  };
}
