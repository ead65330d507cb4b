import type { RoutingFamily } from '../tune/settings.ts';
import type { TuningRows } from './tuning-rows.ts';

/** What a setting of the dial does on some rows. */
export interface SettingFigures {
  readonly rows: number;
  /** Mean quality of the last candidate minus that of the chosen ones. */
  readonly loss: number;
  readonly quality: number;
  /** Share of rows that the last candidate answers. */
  readonly strongShare: number;
  /** Share of the cost of always asking the last candidate that is saved, everybody asked in vain included; null where costs are not known. */
  readonly costSaved: number | null;
}

/** Loss of each row against the last candidate, in [-1, 1]. */
export function lossesOf(family: RoutingFamily, dial: number, rows: TuningRows): Float64Array {
  const { columns, quality, success: scores } = rows;
  const last = family.candidates[family.candidates.length - 1];
  const losses = new Float64Array(quality.length / columns);
  for (let row = 0, at = 0; row < losses.length; row++, at += columns) {
    losses[row] = quality[at + last] - quality[at + family.choose(dial, scores, at)];
  }
  return losses;
}

export function measureSetting(family: RoutingFamily, dial: number, rows: TuningRows): SettingFigures {
  const { columns, quality, costUsd, success: scores } = rows;
  const count = quality.length / columns;
  const last = family.candidates[family.candidates.length - 1];
  const sums = { loss: 0, quality: 0, strong: 0, cost: 0, lastCost: 0 };
  for (let row = 0; row < count; row++) {
    const at = row * columns;
    const chosen = family.choose(dial, scores, at);
    sums.loss += quality[at + last] - quality[at + chosen];
    sums.quality += quality[at + chosen];
    if (chosen === last) sums.strong++;
    sums.cost += family.cost(dial, scores, costUsd, at);
    sums.lastCost += costUsd[at + last];
  }
  const saved = 1 - sums.cost / sums.lastCost;
  return {
    rows: count,
    loss: sums.loss / count,
    quality: sums.quality / count,
    strongShare: sums.strong / count,
    costSaved: Number.isFinite(saved) ? saved : null,
  };
}
