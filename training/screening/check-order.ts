import { mean } from 'pointsman/math';
import { groupBy, type ScoredCell } from './scored-cells.ts';
import type { Suspicion } from './screening.ts';

/** A batch whose scores follow the predictions by less than this share of what others do is upside down, or noise. */
const LEAST_SHARE = 0.25;
const FEWEST = 30;

/**
 * Within each candidate, prompts that the champion thinks easier must score higher, nearly as much as they do elsewhere. A
 * candidate that changes as a whole moves no slope of the others: the test must fail without it, too.
 */
export function checkOrder(
  cells: readonly ScoredCell[],
  reference: readonly ScoredCell[],
  z: number,
): Suspicion[] {
  const usual = slopeOf(reference);
  if (usual === null || usual.slope <= 0) return [];
  const odd = (some: readonly ScoredCell[]) => {
    const found = some.length < FEWEST ? null : slopeOf(some);
    if (found === null) return null;
    const apart = (usual.slope - found.slope) / Math.hypot(usual.error, found.error);
    return found.slope < LEAST_SHARE * usual.slope && apart >= z ? { ...found, apart } : null;
  };
  const whole = odd(cells);
  if (whole === null) return [];
  const candidates = [...new Set(cells.map(({ candidate }) => candidate))];
  const explained = candidates.some((one) => {
    const rest = cells.filter(({ candidate }) => candidate !== one);
    return rest.length >= FEWEST && odd(rest) === null;
  });
  if (explained) return [];
  return [
    {
      kind: 'order',
      sentence:
        `its scores follow what the router expects with slope ${whole.slope.toFixed(2)}, elsewhere ${usual.slope.toFixed(2)} ` +
        `(${whole.apart.toFixed(1)} standard errors): they may be upside down, or belong to other prompts`,
    },
  ];
}

/**
 * Where there is nothing to compare with, the champion's own expectation must do: scores that are surely the better, the
 * worse it expects them, are upside down.
 */
export function checkUpsideDown(cells: readonly ScoredCell[], z: number): Suspicion[] {
  const found = cells.length < FEWEST ? null : slopeOf(cells);
  if (found === null || found.slope + z * found.error >= 0) return [];
  return [
    {
      kind: 'order',
      sentence:
        `its scores fall where the router expects them to rise: slope ${found.slope.toFixed(2)}, ` +
        `${(-found.slope / found.error).toFixed(1)} standard errors below 0`,
    },
  ];
}

/** Slope of quality on prediction within candidates, with a standard error that holds for unequal noise (White 1980). */
function slopeOf(cells: readonly ScoredCell[]): { slope: number; error: number } | null {
  const centred: { x: number; y: number }[] = [];
  for (const own of groupBy(
    cells.filter(({ predicted }) => !Number.isNaN(predicted)),
    ({ candidate }) => candidate,
  ).values()) {
    const [predicted, quality] = [
      mean(own.map((cell) => cell.predicted)),
      mean(own.map((cell) => cell.quality)),
    ];
    for (const cell of own) centred.push({ x: cell.predicted - predicted, y: cell.quality - quality });
  }
  let [xx, xy] = [0, 0];
  for (const { x, y } of centred) {
    xx += x * x;
    xy += x * y;
  }
  if (!(xx > 1e-9)) return null;
  const slope = xy / xx;
  let meat = 0;
  for (const { x, y } of centred) meat += (x * (y - slope * x)) ** 2;
  return { slope, error: Math.sqrt(meat) / xx };
}
