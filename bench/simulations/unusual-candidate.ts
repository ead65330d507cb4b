import { createRandom } from 'pointsman/internal';
import { candidatePosterior } from '../../training/candidates/probes.ts';
import { atLeast, type BenchLine, mended } from '../bench-line.ts';

const DRAWS = 400;
/** Mean quality of the candidates that are known. */
const MEANS = [0.62, 0.66, 0.7, 0.73, 0.76];

/** How often the 95 % interval of a new candidate holds its mean quality: one like the others, and ones that are not. */
export function simulateUnusualCandidate(): BenchLine[] {
  return (
    [
      ['99 %', 0, 50],
      ['85 %', 0.1, 50],
      ['26 %', 0.2, 50],
      ['1.5 %', 0.4, 50],
      ['2 %', 0.4, 20],
      ['45 %', -0.2, 50],
    ] as const
  ).map(([before, worse, probes]) =>
    mended(
      before,
      atLeast(
        `new candidate ${Math.abs(worse)} ${worse < 0 ? 'better' : 'worse'} than the others, ${probes} probes: 95 % interval holds it in`,
        100 * coverage(DRAWS, worse, probes),
        '%',
        90,
        `${DRAWS} draws, ${MEANS.length} known candidates`,
      ),
    ),
  );
}

/** @param worse by how much it is worse than the mean of those that are known @returns share of draws */
export function coverage(draws: number, worse: number, probes: number): number {
  const columns = MEANS.length;
  const center = MEANS.reduce((sum, x) => sum + x, 0) / columns;
  let held = 0;
  for (let seed = 0; seed < draws; seed++) {
    const random = createRandom(seed);
    const expected = new Float64Array(probes * columns);
    const quality = new Float64Array(probes);
    for (let i = 0; i < probes; i++) {
      const hardness = 0.12 * random.normal();
      for (let c = 0; c < columns; c++)
        expected[i * columns + c] = Math.min(0.99, Math.max(0.01, MEANS[c] - hardness));
      quality[i] = Number(random.next() < Math.min(1, Math.max(0, center - hardness - worse)));
    }
    const { mean, deviation } = candidatePosterior({
      expected,
      means: Float64Array.from(MEANS),
      quality,
      others: new Float64Array(probes * columns).fill(Number.NaN),
      family: null,
    });
    if (Math.abs(mean - (center - worse)) <= 1.96 * deviation) held++;
  }
  return held / draws;
}
