import { useState } from 'preact/hooks';
import type { Overview } from '../../admin/standing-area.ts';
import type { RollupAnswer, RollupLabel, RollupRow } from '../../rollups/rollup.ts';
import { type Loaded, useLoaded } from '../api/use-loaded.ts';
import { formatCount, plural } from './format.ts';

/** How far back a page looks. */
export type Period = 'hour' | 'day' | 'month';

const PERIODS: Readonly<
  Record<Period, { readonly words: string; readonly by: 'minute' | 'hour' | 'day'; readonly ms: number }>
> = {
  hour: { words: 'the last hour', by: 'minute', ms: 3_600_000 },
  day: { words: 'the last 24 hours', by: 'hour', ms: 24 * 3_600_000 },
  month: { words: 'the last 31 days', by: 'day', ms: 31 * 24 * 3_600_000 },
};

const AGAIN_MS = 5000;

export function wordsOf(period: Period): string {
  return PERIODS[period].words;
}

/** What figures of decisions rest on, as a sentence. @param share the probability with which each of the period was looked at */
export function sampleWords(decisions: number, share: number, period: Period): string {
  const all = plural(decisions, 'answered decision');
  return share === 1
    ? `Of all ${all} of ${wordsOf(period)} that this gateway has kept.`
    : `Of ${all} of ${wordsOf(period)}, drawn at random from about ${formatCount(Math.round(decisions / share))}.`;
}

/** What happened in a period, told apart by time, or whole. */
export function useRollups(
  period: Period,
  router: string,
  group: readonly RollupLabel[],
  isWhole: boolean,
): Loaded<RollupAnswer> {
  const { by, ms } = PERIODS[period];
  // To the minute, so that the same question has the same address for a while.
  const [end] = useState(() => Math.ceil(Date.now() / 60_000) * 60_000 + 30 * 60_000);
  const query = new URLSearchParams({
    by: isWhole ? 'all' : by,
    from: new Date(end - 30 * 60_000 - ms).toISOString(),
    to: new Date(end).toISOString(),
    group: group.join(','),
    ...(router === '' ? {} : { router }),
  });
  return useLoaded<RollupAnswer>(`/admin/rollups?${query}`, AGAIN_MS);
}

/** From when to when the axis of a chart goes: over the whole period, so that nothing happening is seen too. */
export function axisOf({ from }: Pick<RollupAnswer, 'from'>): [from: number, to: number] {
  return [Date.parse(from) / 1000, Date.now() / 1000];
}

/** The sum of one amount over rows. */
export function total(rows: readonly RollupRow[], of: (row: RollupRow) => number): number {
  return rows.reduce((sum, row) => sum + of(row), 0);
}

interface ChooserProps {
  readonly overview: Overview;
  readonly router: string;
  readonly onRouter: (router: string) => void;
  /** Left out where a page looks at no period. */
  readonly period?: Period;
  readonly onPeriod?: (period: Period) => void;
}

/** Chooses the router, where there are several, and the period. */
export function Chooser({ onPeriod, onRouter, overview, period, router }: ChooserProps) {
  return (
    <>
      {overview.routers.length < 2 ? null : (
        <select
          class="input"
          aria-label="Router"
          value={router}
          onChange={(event) => onRouter(event.currentTarget.value)}
        >
          {overview.routers.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      )}
      {period === undefined ? null : (
        <select
          class="input"
          aria-label="Period"
          value={period}
          onChange={(event) => onPeriod?.(event.currentTarget.value as Period)}
        >
          {Object.entries(PERIODS).map(([name, { words }]) => (
            <option key={name} value={name}>
              {words}
            </option>
          ))}
        </select>
      )}
    </>
  );
}
