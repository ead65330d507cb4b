import { largest, mean, moments, quantile } from 'pointsman/internal';
import type { OutcomeMatrix } from '../../outcomes/matrix.ts';
import { formatPercent, formatPoints, formatSignedPoints, formatTimes } from '../../words.ts';
import {
  type BatchScreening,
  batchName,
  countRows,
  dayOfBatch,
  groupBy,
  type ScoredCell,
  type ScreeningUnit,
  type Suspicion,
  scoredCells,
  screeningUnits,
  sourceOfBatch,
} from './batches.ts';
import { dayName, dayOf, type ScoredTraffic } from './candidate-shifts.ts';

interface ScreenOptions {
  /** Smaller batches are pooled until they have so many scored prompts. @default 30 */
  readonly fewestRows?: number;
  /** Standard errors by which a batch must stand out. @default 4 */
  readonly z?: number;
  /**
   * When each source was first believed, as a text that sorts: others are compared with the oldest ones, as long as these
   * are enough. A source that is not there is new. @default all are new
   */
  readonly believedSince?: Readonly<Record<string, string>>;
}

/** Fewer scored prompts than this are nothing to compare with. */
const FEWEST_REFERENCE = 100;

/** With so many scored prompts of older sources, younger ones have no say. */
const ENOUGH_REFERENCE = 300;

/** The batch of each prompt: its day and source. Prompts without a time are one batch a source. */
export function batchesOf({ prompts }: OutcomeMatrix): string[] {
  const names = new Map<number, string>();
  const nameOf = (day: number): string => {
    const name = names.get(day) ?? dayName(day);
    names.set(day, name);
    return name;
  };
  return prompts.map(({ source, timestampMs }) =>
    batchName(timestampMs === null ? null : nameOf(dayOf(timestampMs)), source),
  );
}

/**
 * Looks for batches whose scores cannot be what they say, before anything learns from them. A batch is compared with those of
 * the same or earlier days that were judged and are believed, through what the champion predicts. One candidate that gets worse
 * is a change of the candidate, and no reason to doubt the log; scores that turn the champion's order around, several candidates
 * that change at once, one that is suddenly praised beyond anything seen, floods of copies, and other scores for the very prompts
 * that were scored before are.
 *
 * Anybody can be many sources, and send little under each name. So small batches are judged together, and what was not
 * judged is no reference; the sources that were believed first are the reference for all others, however many these are.
 *
 * @param traffic with the champion's predictions; NaN where there is no champion: then only copies are looked at
 * @param groups near-duplicate group of each prompt
 * @param asked batches to look at; of all others what was found before still holds
 * @param distrusted batches that are no reference
 * @returns of each batch, or pool of batches, that could be judged
 */
export function screenBatches(
  traffic: ScoredTraffic,
  groups: Int32Array,
  asked: ReadonlySet<string>,
  distrusted: ReadonlySet<string>,
  { fewestRows = 30, z = 4, believedSince = {} }: ScreenOptions = {},
): BatchScreening[] {
  const batches = batchesOf(traffic.matrix);
  const cellsOf = groupBy(scoredCells(traffic, groups), ({ row }) => batches[row]);
  const isKnown = (source: string) => Object.hasOwn(believedSince, source);
  const ageOf = (batch: string) => {
    const source = sourceOfBatch(batch);
    return isKnown(source) ? believedSince[source] : YOUNGEST;
  };
  const believed = new Map([...cellsOf].filter(([batch]) => !asked.has(batch) && !distrusted.has(batch)));
  const units = screeningUnits(
    new Map([...cellsOf].filter(([batch]) => asked.has(batch))),
    isKnown,
    fewestRows,
  );
  const ageOfUnit = ({ batches: [first] }: ScreeningUnit) => ageOf(first);
  // The oldest first: what is not believed is no reference for those after it.
  units.sort(
    (a, b) => compare(a.lastDay, b.lastDay) || compare(ageOfUnit(a), ageOfUnit(b)) || b.rows - a.rows,
  );
  return units.map((unit) => {
    const others = referenceOf(believed, unit.lastDay, ageOf);
    const reference = others.flat();
    const compared = countRows(reference);
    const suspicions =
      compared < FEWEST_REFERENCE
        ? checkUpsideDown(unit.cells, z)
        : [
            ...checkOrder(unit.cells, reference, z),
            ...checkLevels(unit.cells, reference, traffic.matrix.candidates, z),
            ...checkCopies(unit.cells, others),
            ...checkRepeats(unit.cells, reference),
          ];
    if (suspicions.length === 0)
      for (const batch of unit.batches) believed.set(batch, cellsOf.get(batch) ?? []);
    return {
      batch: unit.name,
      rows: unit.rows,
      reference: compared < FEWEST_REFERENCE ? 0 : compared,
      suspicions,
      ...(unit.batches.length > 1 ? { batches: unit.batches } : {}),
    };
  });
}

/** Sorts after every time. */
const YOUNGEST = '\uffff';

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Believed batches up to a day, those of the oldest sources first, and of younger ones only where those are not enough;
 * of later days, where there are too few before.
 */
function referenceOf(
  believed: ReadonlyMap<string, readonly ScoredCell[]>,
  lastDay: string,
  ageOf: (batch: string) => string,
): (readonly ScoredCell[])[] {
  const byAge = [...groupBy([...believed.keys()], ageOf)].sort(([a], [b]) => compare(a, b));
  const takeFrom = (isIn: (batch: string) => boolean) => {
    const taken: (readonly ScoredCell[])[] = [];
    let rows = 0;
    for (const [, batches] of byAge) {
      if (rows >= ENOUGH_REFERENCE) break;
      for (const batch of batches.filter(isIn)) {
        const cells = believed.get(batch) ?? [];
        taken.push(cells);
        rows += countRows(cells);
      }
    }
    return { taken, rows };
  };
  const before = takeFrom((batch) => dayOfBatch(batch) <= lastDay);
  return before.rows >= FEWEST_REFERENCE ? before.taken : takeFrom(() => true).taken;
}

/** Near-duplicates in one batch from which on they are copies. */
const MANY = 5;
const MOST_COPIES = 0.5;

/** How much more a batch must hold than others do, to be a flood. */
const FLOOD = 2;
const FEWEST_REPEATS = 20;
const MOST_DISAGREEMENT = 0.5;

/** A flood: a batch much larger than others, half of it copies of a few prompts, where others have few. */
function checkCopies(cells: readonly ScoredCell[], others: readonly (readonly ScoredCell[])[]): Suspicion[] {
  const share = copiesIn(cells);
  const usual = mean(others.map(copiesIn));
  const size = quantile(
    others.map((other) => other.length),
    0.5,
  );
  if (share < MOST_COPIES || usual > MOST_COPIES / 2 || cells.length < FLOOD * size) return [];
  return [
    {
      kind: 'copies',
      sentence:
        `${formatPercent(share, 0)} of it are copies of a few prompts (elsewhere ${formatPercent(usual, 0)}), and it is ` +
        `${formatTimes(cells.length / size)} times as large as the usual batch`,
    },
  ];
}

function copiesIn(cells: readonly ScoredCell[]): number {
  const copies = [...groupBy(cells, ({ group }) => group).values()].filter((own) => own.length > MANY);
  return copies.reduce((sum, own) => sum + own.length, 0) / Math.max(1, cells.length);
}

/** The same candidate on the same prompts as before must score as before. */
function checkRepeats(cells: readonly ScoredCell[], reference: readonly ScoredCell[]): Suspicion[] {
  const keyOf = ({ candidate, group }: ScoredCell) => `${group} ${candidate}`;
  const before = groupBy(reference, keyOf);
  const disagreements = cells.flatMap((cell) => {
    const scored = before.get(keyOf(cell));
    return scored === undefined ? [] : [Math.abs(cell.quality - mean(scored.map(({ quality }) => quality)))];
  });
  const disagreement = mean(disagreements);
  if (disagreements.length < FEWEST_REPEATS || disagreement < MOST_DISAGREEMENT) return [];
  return [
    {
      kind: 'repeats',
      sentence: `on ${disagreements.length} prompts that were scored before, its scores are off by ${disagreement.toFixed(2)} on average`,
    },
  ];
}

/** Shifts below this are not looked at: quality, 0 to 1. */
const LEAST_SHIFT = 0.15;
const FEWEST_OF_LEVEL = 10;

/**
 * How far each candidate's scores lie beside what the champion expects, against the same elsewhere. One that falls is a
 * change of the candidate, which the watch over drift names. Two at once are more than a provider can do to us; and
 * nobody rises overnight above the best day that was ever seen.
 */
function checkLevels(
  cells: readonly ScoredCell[],
  reference: readonly ScoredCell[],
  candidates: readonly string[],
  z: number,
): Suspicion[] {
  const known = ({ predicted }: ScoredCell) => !Number.isNaN(predicted);
  const before = groupBy(reference.filter(known), ({ candidate }) => candidate);
  const shifts: { name: string; shift: number; beyondBestDay: number }[] = [];
  for (const [candidate, own] of groupBy(cells.filter(known), (cell) => cell.candidate)) {
    const theirs = before.get(candidate) ?? [];
    if (own.length < FEWEST_OF_LEVEL || theirs.length < FEWEST_OF_LEVEL) continue;
    const [here, there] = [residuals(own), residuals(theirs)];
    const shift = here.mean - there.mean;
    // The larger spread of the two: scores that are all alike have none of their own.
    const variance = Math.max(here.variance, there.variance);
    const apart = shift / Math.sqrt(variance * (1 / own.length + 1 / theirs.length) + 1e-12);
    if (Math.abs(shift) < LEAST_SHIFT || Math.abs(apart) < z) continue;
    const days = [...groupBy(theirs, ({ day }) => day).values()]
      .filter((day) => day.length >= FEWEST_OF_LEVEL)
      .map((day) => residuals(day).mean);
    const bestDay = Math.max(largest(days), there.mean);
    shifts.push({ name: candidates[candidate], shift, beyondBestDay: here.mean - bestDay });
  }
  if (shifts.length >= 2) {
    const list = shifts.map(({ name, shift }) => `${name} ${formatSignedPoints(shift)}`).join(', ');
    return [{ kind: 'levels', sentence: `several candidates change at once, in points: ${list}` }];
  }
  return shifts
    .filter(({ beyondBestDay, shift }) => shift > 0 && beyondBestDay >= LEAST_SHIFT)
    .map(({ beyondBestDay, name, shift }) => ({
      kind: 'praise',
      sentence:
        `beside what the router expects, ${name} scores ${formatPoints(shift)} points more than elsewhere, and ` +
        `${formatPoints(beyondBestDay)} more than on its best day`,
    }));
}

function residuals(cells: readonly ScoredCell[]): { mean: number; variance: number } {
  return moments(cells.map(({ predicted, quality }) => quality - predicted));
}

/** A batch whose scores follow the predictions by less than this share of what others do is upside down, or noise. */
const LEAST_SHARE = 0.25;
const FEWEST_OF_ORDER = 30;

/**
 * Within each candidate, prompts that the champion thinks easier must score higher, nearly as much as they do elsewhere. A
 * candidate that changes as a whole moves no slope of the others: the test must fail without it, too.
 */
function checkOrder(cells: readonly ScoredCell[], reference: readonly ScoredCell[], z: number): Suspicion[] {
  const usual = slopeOf(reference);
  if (usual === null || usual.slope <= 0) return [];
  const odd = (some: readonly ScoredCell[]) => {
    const found = some.length < FEWEST_OF_ORDER ? null : slopeOf(some);
    if (found === null) return null;
    const apart = (usual.slope - found.slope) / Math.hypot(usual.error, found.error);
    return found.slope < LEAST_SHARE * usual.slope && apart >= z ? { ...found, apart } : null;
  };
  const whole = odd(cells);
  if (whole === null) return [];
  const candidates = [...new Set(cells.map(({ candidate }) => candidate))];
  const explained = candidates.some((one) => {
    const rest = cells.filter(({ candidate }) => candidate !== one);
    return rest.length >= FEWEST_OF_ORDER && odd(rest) === null;
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
function checkUpsideDown(cells: readonly ScoredCell[], z: number): Suspicion[] {
  const found = cells.length < FEWEST_OF_ORDER ? null : slopeOf(cells);
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
