import { createRandom, type Random } from 'pointsman/internal';
import { categoryStability } from '../../training/retrain/watch/drift.ts';
import { atLeast, atMost, type BenchLine, mended } from '../bench-line.ts';

const NIGHTS = 500;
/** Categories, prompts before and newest, and of how many quiet nights there was an alarm. */
const TRAFFIC = [
  [57, 1000, 100, '92.6 %'],
  [100, 3000, 300, '29.2 %'],
] as const;

/** How often the population stability index of a task raises an alarm (0.2 and p ≤ 0.01) on nights without a change, and with one. */
export function simulateStability(onProgress: (what: string) => void): BenchLine[] {
  return TRAFFIC.flatMap(([categories, reference, current, before]) => {
    onProgress(`stability of ${categories} categories`);
    const note = `${NIGHTS} nights, ${reference} prompts before and ${current} newest`;
    const rate = (moved: number) =>
      (100 * countUnstable({ categories, reference, current, moved }, NIGHTS)) / NIGHTS;
    return [
      mended(
        before,
        atMost(
          `no change: alarm about one of ${categories} tasks, stated 1 %`,
          rate(0),
          '% of nights',
          2,
          note,
        ),
      ),
      atLeast(
        `a change: 15 % of the prompts move to one of ${categories} tasks`,
        rate(0.15),
        '% found',
        80,
        note,
      ),
    ];
  });
}

export interface StabilityNights {
  readonly categories: number;
  readonly reference: number;
  readonly current: number;
  /** Share of the newest that are of one rare task instead. */
  readonly moved: number;
}

/** Nights with an alarm. Tasks are as unlike in size as subjects of MMLU: a few per cent each down to a few per mille. */
export function countUnstable({ categories, reference, current, moved }: StabilityNights, nights: number) {
  const random = createRandom(categories);
  const shares = Array.from({ length: categories }, () => Math.exp(0.8 * random.normal()));
  const total = shares.reduce((sum, share) => sum + share, 0);
  const rarest = shares.indexOf(shares.reduce((a, b) => Math.min(a, b)));
  const draw = (count: number, share: number) =>
    Array.from({ length: count }, () => (random.next() < share ? rarest : pick(shares, total, random)));
  let alarms = 0;
  for (let seed = 0; seed < nights; seed++) {
    const { index, pValue } = categoryStability(draw(reference, 0), draw(current, moved), { seed });
    if (index >= 0.2 && pValue <= 0.01) alarms++;
  }
  return alarms;
}

function pick(shares: readonly number[], total: number, random: Random): number {
  let left = random.next() * total;
  return shares.findIndex((share) => {
    left -= share;
    return left <= 0;
  });
}
