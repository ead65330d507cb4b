import type { Interval } from '../words/format-number.ts';

export type GateTestKind =
  | 'rows'
  | 'seen'
  | 'champion'
  | 'best single'
  | 'best fixed mix'
  | 'slice'
  | 'batch'
  | 'calibration';

/** One thing that a challenger must not fail. Plain JSON. */
export interface GateTest {
  readonly kind: GateTestKind;
  readonly passed: boolean;
  /** What was compared with what, the figures, and what is allowed. */
  readonly sentence: string;
  /** Challenger minus the other, in quality; null where no difference is tested. */
  readonly difference: Interval | null;
  /** The least that passes; of `calibration`, the most. */
  readonly limit: number;
}

export interface GateVerdict {
  readonly passed: boolean;
  /** Why, in a sentence: the first test that failed, or what it was better in. */
  readonly sentence: string;
  readonly tests: readonly GateTest[];
  readonly rows: number;
  /** `full`: every candidate seen on every row; else doubly robust scores. */
  readonly values: 'full' | 'doubly robust';
  /** Share of the rows where challenger and champion choose alike; null without a champion. */
  readonly agreement: number | null;
  /** Of the tolerance that all nights share, what is spent once this challenger is promoted; quality, 0 to 1. */
  readonly spent: number;
}
