import { type Calibrator, createRandom, sigmoid } from 'pointsman/internal';
import { fitIsotonic } from '../../training/calibrate/fit-calibrators.ts';
import { atMost, type BenchLine, mended } from '../bench-line.ts';

const DRAWS = 400;
const ROWS = 200;
/** Weighs so much that the smoothing by one pseudo-row cannot be seen. */
const HEAVY = 1e9;

/**
 * Isotonic regression of scores that tie, as those of few distinct prompts or of a coarse head do: how far off it is from
 * the least-squares steps by the max-min formula, and from itself on the same rows in another order.
 */
export function simulateTiedScores(): BenchLine[] {
  const { reference, order, refused } = tiedScores(DRAWS);
  const note = `isotonic regression, ${DRAWS} draws of ${ROWS} rows on 3 to 40 scores`;
  return [
    mended('0.4286', atMost('tied scores: furthest from the max-min formula', reference, '', 1e-6, note)),
    mended(
      '0.4000',
      atMost('tied scores: furthest between two orders of the same rows', order, '', 1e-6, note),
    ),
    mended('16', atMost('tied scores: draws that end in an error', refused, '', 0, note)),
  ];
}

/** Largest differences in probability over so many draws. */
export function tiedScores(draws: number): {
  readonly reference: number;
  readonly order: number;
  readonly refused: number;
} {
  let [reference, order, refused] = [0, 0, 0];
  for (let seed = 0; seed < draws; seed++) {
    const random = createRandom(seed);
    const scores = 3 + random.integer(38);
    const rows = Array.from({ length: ROWS }, () => {
      const logit = (6 * random.integer(scores)) / scores - 3;
      return { logit, label: random.next() < sigmoid(logit / 4) ? 1 : 0 };
    });
    const isotonic = (given: typeof rows) =>
      fitIsotonic({
        logits: given.map(({ logit }) => logit),
        labels: given.map(({ label }) => label),
        weights: given.map(() => HEAVY),
      });
    let fits: Calibrator[];
    try {
      fits = [isotonic(rows), isotonic(random.shuffle(rows.slice()))];
    } catch {
      refused++;
      continue;
    }
    const [one, other] = fits;
    for (const { logit, value } of maxMinSteps(rows)) {
      reference = Math.max(reference, Math.abs(one.probability(logit) - value));
      order = Math.max(order, Math.abs(one.probability(logit) - other.probability(logit)));
    }
  }
  return { reference, order, refused };
}

/**
 * Isotonic regression by its closed form: at a score the largest, over lower scores, of the smallest, over higher ones,
 * mean of all labels between (Robertson, Wright and Dykstra 1988, theorem 1.4.4). Nothing is pooled in turn, so
 * neither order nor ties can matter. Equal values make one step, at the mean logit of its rows.
 */
export function maxMinSteps(
  rows: readonly { readonly logit: number; readonly label: number }[],
): { readonly logit: number; readonly value: number }[] {
  const scores = [...new Set(rows.map(({ logit }) => logit))].sort((a, b) => a - b);
  const at = scores.map((score) => rows.filter(({ logit }) => logit === score));
  const [sums, counts] = [[0], [0]];
  for (const tied of at) {
    sums.push(sums[sums.length - 1] + tied.reduce((sum, { label }) => sum + label, 0));
    counts.push(counts[counts.length - 1] + tied.length);
  }
  const mean = (from: number, to: number) => (sums[to + 1] - sums[from]) / (counts[to + 1] - counts[from]);
  const values = scores.map((_, i) => {
    let most = Number.NEGATIVE_INFINITY;
    for (let from = 0; from <= i; from++) {
      let least = Number.POSITIVE_INFINITY;
      for (let to = i; to < scores.length; to++) least = Math.min(least, mean(from, to));
      most = Math.max(most, least);
    }
    return most;
  });
  const steps: { value: number; rows: number[] }[] = [];
  scores.forEach((_, i) => {
    const logits = at[i].map(({ logit }) => logit);
    const last = steps.at(-1);
    if (last !== undefined && Math.abs(last.value - values[i]) < 1e-9) last.rows = [...last.rows, ...logits];
    else steps.push({ value: values[i], rows: logits });
  });
  return steps.map(({ value, rows: logits }) => ({
    value,
    logit: logits.reduce((sum, logit) => sum + logit, 0) / logits.length,
  }));
}
