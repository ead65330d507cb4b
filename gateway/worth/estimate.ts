/** An amount with the interval that holds it with 95 % confidence; `low` and `high` are null where nobody knows how wide that is. */
export interface Interval {
  readonly value: number;
  readonly low: number | null;
  readonly high: number | null;
}

/** What is estimated of one policy from decisions of another, as `docs/off-policy.md` says. */
export interface Estimate extends Interval {
  /** Decisions that were looked at. */
  readonly rows: number;
  /** So many equally weighted observations say as much (Kish 1965). */
  readonly effectiveSampleSize: number;
  /** Share of the policy's choices that the log could hold. */
  readonly support: number;
  /** Why no interval can be given; null where one is. */
  readonly refusal: string | null;
}

/** Of each decision what says something of the policy. */
export interface Scored {
  /** What the router expected of the policy's choice, before it knew. */
  readonly expected: number;
  /** How far that was off, where the policy's choice was asked and seen; 0 elsewhere. */
  readonly error: number;
  /** The policy's probability of what was seen, over the log's; 0 where nothing was. */
  readonly weight: number;
  /** Whether the log could hold what the policy chooses. */
  readonly isCovered: boolean;
  /** What really happened, where the difference to it is asked for; else 0. */
  readonly minus: number;
  /** What the router expected of that; else 0. */
  readonly minusExpected: number;
  /** Equal prompts are one observation. */
  readonly group: string;
}

const LEAST_SAMPLE = 30;
const LEAST_CARRIERS = 10;
const LEAST_SUPPORT = 0.9;

/**
 * Doubly robust (Dudík, Langford and Li 2011): what the router expected, and the weighted mean of its errors where the policy's choice
 * was asked. The interval is Student's, over groups of equal prompts (Liang and Zeger 1986). There is none where fewer than 30 effective observations,
 * or 10 that carry its width, are there, or where the log could not hold a tenth of the choices: then the value is what the router expects, and no more.
 *
 * @param subject how a refusal names the policy's choices, such as `choices of large`
 */
export function estimate(scored: readonly Scored[], subject: string): Estimate {
  const rows = scored.length;
  if (rows === 0)
    return {
      value: 0,
      low: null,
      high: null,
      rows,
      effectiveSampleSize: 0,
      support: 0,
      refusal: `The log holds nothing of ${subject} yet.`,
    };
  const scores = scored.map(({ error, expected, minus, weight }) => expected - minus + weight * error);
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const weights = scored.map(({ weight }) => weight);
  const squares = sum(weights.map((weight) => weight ** 2));
  const effectiveSampleSize = squares === 0 ? 0 : sum(weights) ** 2 / squares;
  const fourth = sum(weights.map((weight) => weight ** 4));
  const carriers = fourth === 0 ? 0 : squares ** 2 / fourth;
  const support = scored.filter(({ isCovered }) => isCovered).length / rows;
  const refusal = refusalOf({ effectiveSampleSize, support }, carriers, subject);
  // What few heavy outcomes say is left out where it cannot be trusted.
  const value =
    sum(refusal === null ? scores : scored.map(({ expected, minusExpected }) => expected - minusExpected)) /
    rows;
  const known = { value, rows, effectiveSampleSize, support };
  const half =
    refusal === null
      ? halfWidth(
          scores,
          scored.map(({ group }) => group),
          value,
          carriers,
        )
      : null;
  return half === null
    ? { ...known, low: null, high: null, refusal }
    : { ...known, low: value - half, high: value + half, refusal };
}

function refusalOf(
  { effectiveSampleSize, support }: Pick<Estimate, 'effectiveSampleSize' | 'support'>,
  carriers: number,
  subject: string,
): string | null {
  if (support < LEAST_SUPPORT)
    return `${percent(1 - support)} of the ${subject} could not be in the log, since the policy never tries them. Let it explore: docs/policies.md.`;
  if (effectiveSampleSize < LEAST_SAMPLE)
    return `The effective sample size of the ${subject} is ${Math.floor(effectiveSampleSize)}; at least ${LEAST_SAMPLE} are needed. Wait for more traffic, or explore more.`;
  if (carriers < LEAST_CARRIERS)
    return `Few outcomes carry nearly all of the weight of the ${subject}: ${Math.floor(carriers)}, and at least ${LEAST_CARRIERS} are needed. Explore more.`;
  return null;
}

function percent(share: number): string {
  return `${Math.max(1, Math.round(100 * share))} %`;
}

/** Null of a single group, of which nobody knows how it varies. */
function halfWidth(
  scores: readonly number[],
  groups: readonly string[],
  mean: number,
  carriers: number,
): number | null {
  const sums = new Map<string, number>();
  scores.forEach((score, i) => {
    const group = groups[i] as string;
    sums.set(group, (sums.get(group) ?? 0) + score - mean);
  });
  const count = sums.size;
  if (count < 2) return null;
  let squares = 0;
  for (const sum of sums.values()) squares += sum ** 2;
  const error = Math.sqrt((squares * count) / (count - 1)) / scores.length;
  return studentQuantile(Math.min(count, carriers) - 1) * error;
}

/** 97.5 % quantile of Student's distribution: Cornish and Fisher's expansion, within 0.002 from 9 degrees of freedom on. */
export function studentQuantile(degrees: number): number {
  const z = 1.959963985;
  const [z3, z5, z7] = [z ** 3, z ** 5, z ** 7];
  return (
    z +
    (z3 + z) / (4 * degrees) +
    (5 * z5 + 16 * z3 + 3 * z) / (96 * degrees ** 2) +
    (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * degrees ** 3)
  );
}
