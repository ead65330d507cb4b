import { useState } from 'preact/hooks';
import type { CalibrationBin, RollupLabel, RollupRow } from '../../rollups/rollup.ts';
import { Amount, Card, Figure, LoadedView, Notice, Page, ScrollTable } from '../parts/blocks.tsx';
import { formatCount, formatPercent, plural } from '../parts/format.ts';
import { formatMean, formatPoints, meanOf } from '../parts/intervals.ts';
import type { PageProps } from '../parts/page-props.ts';
import { Chooser, type Period, total, useRollups, wordsOf } from '../parts/period.tsx';
import { Reliability } from '../parts/reliability.tsx';

/** How good answers were rated, and whether the router foresaw it. */
export function QualityPage({ overview }: PageProps) {
  const [router, setRouter] = useState(overview.defaultRouter ?? '');
  const [period, setPeriod] = useState<Period>('hour');
  const byCandidate = useRollups(period, router, ['candidate'], true);
  const byTask = useRollups(period, router, ['task'], true);
  return (
    <Page
      title="Quality & calibration"
      lead="How answers were rated, beside the chance of a good answer that the router had given them."
      actions={
        <Chooser
          overview={overview}
          router={router}
          onRouter={setRouter}
          period={period}
          onPeriod={setPeriod}
        />
      }
    >
      <LoadedView of={byCandidate}>
        {({ rows }) =>
          total(rows, ({ ratings }) => ratings.count) === 0 ? (
            <Notice>
              No answer was rated in {wordsOf(period)}. Send ratings with <code>POST /v1/feedback</code>, or
              rate answers in the <a href="#/playground">playground</a>: without them nobody knows how good
              answers are.
            </Notice>
          ) : (
            <>
              <Summary rows={rows} period={period} />
              <div class="columns">
                <Card
                  title="Foreseen and rated"
                  note="On the line, answers are rated as well as was foreseen; the bars are 95 % intervals."
                >
                  <Reliability bins={binsOf(rows)} />
                </Card>
                <Card title="By candidate">
                  <Groups rows={rows} label="candidate" />
                </Card>
              </div>
            </>
          )
        }
      </LoadedView>
      <LoadedView of={byTask}>
        {({ rows }) =>
          rows.some(({ ratings, task }) => ratings.count > 0 && task !== 'none') ? (
            <Card title="By task">
              <Groups rows={rows} label="task" />
            </Card>
          ) : (
            <Notice>
              No rated request said its task. Requests say it by the header <code>x-pointsman-task</code>, and
              are then shown apart.
            </Notice>
          )
        }
      </LoadedView>
    </Page>
  );
}

function Summary({ period, rows }: { readonly rows: readonly RollupRow[]; readonly period: Period }) {
  const count = total(rows, ({ ratings }) => ratings.count);
  const answered = total(rows, (row) => row.answered);
  const mean = meanOf(
    count,
    total(rows, ({ ratings }) => ratings.rated),
    total(rows, ({ ratings }) => ratings.ratedSquared),
  );
  const bins = binsOf(rows);
  const foreseen = bins.reduce((sum, bin) => sum + bin.count, 0);
  const gap =
    bins.reduce((sum, { predicted, rated }) => sum + Math.abs(predicted - rated), 0) / Math.max(1, foreseen);
  return (
    <dl class="figures">
      <Figure
        name="Mean rating"
        value={formatPercent(mean?.value ?? null)}
        note={formatMean(mean, formatPercent)}
      />
      <Figure name="Ratings" value={formatCount(count)} note={`in ${wordsOf(period)}`} />
      <Figure
        name="Ratings for each answer"
        value={answered === 0 ? '–' : formatPercent(count / answered)}
        note={`${plural(answered, 'answer')} in the same time`}
      />
      <Figure
        name="Foreseen and rated differ by"
        value={foreseen === 0 ? '–' : formatPoints(gap).replace('+', '')}
        note="mean over ten bins; chance alone makes it more than 0"
      />
    </dl>
  );
}

/** The same bin of every row, together. */
function binsOf(rows: readonly RollupRow[]): CalibrationBin[] {
  const bins = new Map<number, CalibrationBin>();
  for (const { ratings } of rows)
    for (const { count, from, predicted, rated } of ratings.bins) {
      const known = bins.get(from) ?? { from, count: 0, predicted: 0, rated: 0 };
      bins.set(from, {
        from,
        count: known.count + count,
        predicted: known.predicted + predicted,
        rated: known.rated + rated,
      });
    }
  return [...bins.values()].sort((a, b) => a.from - b.from);
}

function Groups({ label, rows }: { readonly rows: readonly RollupRow[]; readonly label: RollupLabel }) {
  const rated = rows
    .filter(({ ratings }) => ratings.count > 0)
    .sort((a, b) => b.ratings.count - a.ratings.count);
  return (
    <ScrollTable label={`Ratings by ${label}`}>
      <thead>
        <tr>
          <th scope="col">{label === 'task' ? 'Task' : 'Candidate'}</th>
          <th scope="col" class="end">
            Ratings
          </th>
          <th scope="col">Mean rating</th>
          <th scope="col" class="end">
            Foreseen
          </th>
          <th scope="col" class="end">
            Off by
          </th>
        </tr>
      </thead>
      <tbody>
        {rated.map((row) => {
          const { bins, count, rated: sum, ratedSquared } = row.ratings;
          const foreseen = bins.reduce((all, bin) => all + bin.count, 0);
          const predicted = bins.reduce((all, bin) => all + bin.predicted, 0);
          const ratedThere = bins.reduce((all, bin) => all + bin.rated, 0);
          return (
            <tr key={row[label]}>
              <td>{row[label] === 'none' ? '(not said)' : row[label]}</td>
              <td class="end">{formatCount(count)}</td>
              <td>
                <Amount of={formatMean(meanOf(count, sum, ratedSquared), formatPercent)} />
              </td>
              <td class="end">{foreseen === 0 ? '–' : formatPercent(predicted / foreseen)}</td>
              <td class="end">{foreseen === 0 ? '–' : formatPoints((ratedThere - predicted) / foreseen)}</td>
            </tr>
          );
        })}
      </tbody>
    </ScrollTable>
  );
}
