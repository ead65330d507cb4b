import { useState } from 'preact/hooks';
import type { Night, NightsAnswer } from '../../admin/nights-area.ts';
import type { RollupAnswer, RollupRow } from '../../rollups/rollup.ts';
import { useLoaded } from '../api/use-loaded.ts';
import { Badge, Card, LoadedView, Notice, Page, ScrollTable } from '../parts/blocks.tsx';
import { Chart } from '../parts/chart.tsx';
import { formatDateTime, formatNumber, formatPercent, formatRatio, plural } from '../parts/format.ts';
import type { PageProps } from '../parts/page-props.ts';
import { axisOf, Chooser, type Period, total, useRollups, wordsOf } from '../parts/period.tsx';

const AGAIN_MS = 30_000;

/** Whether requests and candidates are still what the router was trained on. */
export function DriftPage({ overview }: PageProps) {
  const [router, setRouter] = useState(overview.defaultRouter ?? '');
  const [period, setPeriod] = useState<Period>('hour');
  const rollups = useRollups(period, router, [], false);
  const nights = useLoaded<NightsAnswer>('/admin/nights', AGAIN_MS);
  return (
    <Page
      title="Drift"
      lead="Whether requests and candidates are still what the router learned from."
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
      <LoadedView of={rollups}>{(answer) => <Foreseen answer={answer} period={period} />}</LoadedView>
      <LoadedView of={nights}>{({ routers }) => <Found nights={routers[router]?.nights ?? []} />}</LoadedView>
    </Page>
  );
}

/** What the router foresaw beside what came, over time: where the two part, something has changed. */
function Foreseen({ answer, period }: { readonly answer: RollupAnswer; readonly period: Period }) {
  const { rows } = answer;
  const range = axisOf(answer);
  const times = rows.map(({ at }) => Date.parse(at) / 1000);
  const rated = rows.some(({ ratings }) => foreseenCount(ratings) > 0);
  return (
    <div class="columns">
      <Card
        title="Ratings, foreseen and given"
        note="Where the lines part for long, candidates or requests have changed."
      >
        {rated ? (
          <Chart
            label={`Foreseen and given ratings over ${wordsOf(period)}`}
            times={times}
            range={range}
            series={[
              {
                name: 'given',
                values: rows.map(({ ratings }) => share(ratings.bins, ({ rated: sum }) => sum)),
                format: formatPercent,
              },
              {
                name: 'foreseen',
                values: rows.map(({ ratings }) => share(ratings.bins, ({ predicted }) => predicted)),
                format: formatPercent,
              },
            ]}
          />
        ) : (
          <p class="muted">No answer was rated in {wordsOf(period)}, so nobody can tell.</p>
        )}
      </Card>
      <Card
        title="Cost, real beside expected"
        note="Real cost over what the router expected of whom it chose; 1 is as expected. Retries count."
      >
        {total(rows, ({ decided }) => decided.costUsd) > 0 && total(rows, ({ costUsd }) => costUsd) > 0 ? (
          <Chart
            label={`Real cost over expected cost, over ${wordsOf(period)}`}
            times={times}
            range={range}
            series={[
              {
                name: 'real over expected',
                values: rows.map(({ costUsd, decided }) =>
                  decided.costUsd > 0 && costUsd > 0 ? costUsd / decided.costUsd : null,
                ),
                format: formatRatio,
              },
            ]}
          />
        ) : (
          <p class="muted">No cost is known in {wordsOf(period)}, or none was expected.</p>
        )}
      </Card>
    </div>
  );
}

type Bins = RollupRow['ratings']['bins'];

function foreseenCount({ bins }: RollupRow['ratings']): number {
  return bins.reduce((sum, { count }) => sum + count, 0);
}

/** Of ratings of what was foreseen; null where there are none. */
function share(bins: Bins, of: (bin: Bins[number]) => number): number | null {
  const count = bins.reduce((sum, bin) => sum + bin.count, 0);
  return count === 0 ? null : bins.reduce((sum, bin) => sum + of(bin), 0) / count;
}

function Found({ nights }: { readonly nights: readonly Night[] }) {
  const night = nights.find(({ drift }) => drift !== null);
  if (night === undefined || night.drift === null)
    return (
      <Notice>
        No retraining has looked for drift yet: it compares new requests, and each candidate's outcomes, with
        those before. <code>npx pointsman retrain --config retrain.yaml</code> does, every night if asked:{' '}
        <code>docs/drift.md</code>.
      </Notice>
    );
  const { alarms, drift, startedAt } = night;
  const shifts = drift.candidates.filter(({ shift }) => shift !== null);
  return (
    <Card title="What the latest retraining found" note={`Of ${formatDateTime(startedAt)}.`}>
      {alarms.length === 0 ? (
        <p>No alarm.</p>
      ) : (
        <ul class="list">
          {alarms.map(({ sentence }) => (
            <li key={sentence}>
              <Badge tone="warn">alarm</Badge> {sentence}
            </li>
          ))}
        </ul>
      )}
      {drift.populations.length === 0 ? null : (
        <ScrollTable label="What is asked">
          <thead>
            <tr>
              <th scope="col">Of the requests</th>
              <th scope="col" class="end">
                Stability index
              </th>
              <th scope="col">Verdict</th>
            </tr>
          </thead>
          <tbody>
            {drift.populations.map(({ alarm, index, what }) => (
              <tr key={what}>
                <td>{what}</td>
                <td class="end">{formatNumber(index, 3)}</td>
                <td>{alarm ? <Badge tone="warn">changed</Badge> : 'as before'}</td>
              </tr>
            ))}
            {drift.embeddings === null ? null : (
              <tr>
                <td>embeddings (p-value)</td>
                <td class="end">{formatNumber(drift.embeddings.pValue, 3)}</td>
                <td>{drift.embeddings.alarm ? <Badge tone="warn">changed</Badge> : 'as before'}</td>
              </tr>
            )}
          </tbody>
        </ScrollTable>
      )}
      <p class="small muted top-gap">
        {shifts.length === 0
          ? 'There were too few days of outcomes to say whether a candidate has changed.'
          : `Outcomes of candidates that were looked at, day by day: ${plural(shifts.length, 'series', 'series')}. Changed: ${shifts.filter(({ alarm }) => alarm).length}.`}
      </p>
    </Card>
  );
}
