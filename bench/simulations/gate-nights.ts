import { createRandom, mean, quantileSorted } from 'pointsman/internal';
import { runGate } from '../../training/retrain/gate/gate.ts';
import type { ValueTable } from '../../training/retrain/gate/values.ts';
import { atLeast, atMost, type BenchLine, mended } from '../bench-line.ts';

const NIGHTS = 30;
const MONTHS = 100;
/** Prompts that judge, each night its own. */
const ROWS = 1000;
/** Share of the prompts on which champion and challenger are told apart. */
const DIFFERENT = 0.3;

/** What every night's challenger is truly worth over that night's champion, with what was lost and promoted before. */
const WORSE = [
  { better: 0, promotions: '20.5', lost: '0' },
  { better: -0.0025, promotions: '17.5', lost: '6.0 points' },
  { better: -0.006, promotions: '13.7', lost: '10.8 points' },
  { better: -0.015, promotions: '5.7', lost: '15.3 points (8.6 on average)' },
] as const;

/**
 * Months of nights at the gate, on tables whose truth is known. A champion is replaced by what passed, and the next night's
 * challenger is worth so much more or less than that one: whatever a night lets through adds up.
 */
export function simulateGateNights(onProgress: (what: string) => void): BenchLine[] {
  const lines: BenchLine[] = [];
  for (const { better, lost, promotions } of WORSE) {
    onProgress(`gate, challengers worth ${100 * better} points`);
    const months = Array.from({ length: MONTHS }, (_, seed) => simulateMonth(seed, () => better));
    const lows = Float64Array.from(months, ({ lowest }) => 100 * lowest).sort();
    const note = `${MONTHS} months of ${NIGHTS} nights, ${ROWS} prompts each, challengers truly worth ${(100 * better).toFixed(2)} points`;
    const subject = `challengers worth ${(100 * better).toFixed(2)} points`;
    lines.push(
      mended(
        promotions,
        atMost(`promotions a month, ${subject}`, mean(months.map((one) => one.promotions)), '', 3, note),
      ),
    );
    if (better < 0)
      lines.push(
        mended(
          lost,
          atMost(
            `  points lost in 95 of 100 months at most`,
            0 - quantileSorted(lows, 0.05),
            'points',
            0.5,
            'against the best version so far',
          ),
        ),
      );
  }
  onProgress('gate, better challengers');
  for (const spent of [0, null]) {
    const waits = Array.from({ length: 300 }, (_, seed) => nightsUntilPromoted(seed, 0.03, spent));
    const note = `${ROWS} prompts a night, ${spent === null ? 'the tolerance all spent' : 'nothing spent yet'}; median ${quantileSorted(Float64Array.from(waits).sort(), 0.5)} nights`;
    const soon = (100 * waits.filter((nights) => nights <= 5).length) / waits.length;
    lines.push(mended('100 %', atLeast('promoted within 5 nights, 3 points better', soon, '%', 80, note)));
  }
  // From night 10 on the champion is 6 points worse than what is learned since.
  const drifts = Array.from({ length: MONTHS }, (_, seed) =>
    simulateMonth(seed, (night, adapted) => (night < 10 || adapted ? 0 : 0.06)),
  );
  const taken = drifts.map(({ adaptedOn }) => (adaptedOn ?? NIGHTS) - 10);
  lines.push(
    atMost(
      'nights until a changed world is followed, mean',
      mean(taken),
      'nights',
      3,
      `the champion worth 6 points less than challengers from night 10 on; ${MONTHS} months`,
    ),
  );
  return lines;
}

export interface SimulatedMonth {
  readonly promotions: number;
  /** What promotions truly changed at the lowest, beside the best version so far. */
  readonly lowest: number;
  /** The first night on which a challenger that is truly better came into use; null: none. */
  readonly adaptedOn: number | null;
}

/** @param better what a night's challenger is worth over the champion, given whether a better one came into use before */
export function simulateMonth(
  seed: number,
  better: (night: number, adapted: boolean) => number,
  { nights = NIGHTS, rows = ROWS } = {},
): SimulatedMonth {
  let [gained, best, lowest, promotions, spent] = [0, 0, 0, 0, 0];
  let adaptedOn: number | null = null;
  for (let night = 0; night < nights; night++) {
    const worth = better(night, adaptedOn !== null);
    const verdict = judgeNight(worth, rows, 1000 * seed + night, spent);
    if (!verdict.passed) continue;
    if (worth > 0) adaptedOn ??= night;
    spent = verdict.spent;
    promotions++;
    gained += worth;
    best = Math.max(best, gained);
    lowest = Math.min(lowest, gained - best);
  }
  return { promotions, lowest, adaptedOn };
}

/** Nights until a challenger is promoted that is truly better by so much; 31 for never in a month. */
export function nightsUntilPromoted(seed: number, better: number, spent: number | null, rows = ROWS): number {
  for (let night = 1; night <= NIGHTS; night++)
    if (judgeNight(better, rows, 7_000_000 + 1000 * seed + night, spent).passed) return night;
  return NIGHTS + 1;
}

function judgeNight(better: number, rows: number, seed: number, spent: number | null) {
  return runGate({
    table: nightTable(rows, better, seed),
    champion: { chosen: new Int32Array(rows) },
    challenger: { chosen: new Int32Array(rows).fill(1) },
    means: { quality: Float64Array.of(Number.NaN, Number.NaN, 0.3), costUsd: Float64Array.of(0, 0, 0) },
    calibration: { champion: 0.03, challenger: 0.03 },
    spent,
  });
}

/** Champion, challenger, and a candidate that is far below both, each answering every prompt. */
function nightTable(rows: number, better: number, seed: number): ValueTable {
  const random = createRandom(seed);
  const quality = new Float64Array(3 * rows);
  for (let row = 0; row < rows; row++) {
    const own = Number(random.next() < 0.6);
    const other = Number(random.next() < 0.6 + better / DIFFERENT);
    quality[3 * row] = own;
    quality[3 * row + 1] = random.next() < DIFFERENT ? other : own;
    quality[3 * row + 2] = Number(random.next() < 0.3);
  }
  return {
    candidates: ['champion', 'challenger', 'weak'],
    quality,
    costUsd: null,
    observed: new Uint8Array(3 * rows).fill(1),
    kind: 'full',
    clippedMass: 0,
    doubt: { candidates: 3, leverage: new Float64Array(3 * rows).fill(1), slack: null },
    groups: Int32Array.from({ length: rows }, (_, row) => row),
    batches: Array.from({ length: rows }, () => 'day'),
    slices: [],
  };
}
