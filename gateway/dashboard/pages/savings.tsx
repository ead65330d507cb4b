import { useState } from 'preact/hooks';
import type { RollupAnswer, RollupRow } from '../../rollups/rollup.ts';
import type { Estimate } from '../../worth/estimate.ts';
import type { Comparison, Savings } from '../../worth/savings.ts';
import { useLoaded } from '../api/use-loaded.ts';
import {
  Amount,
  Card,
  Figure,
  type FigureProps,
  LoadedView,
  Notice,
  Page,
  ScrollTable,
} from '../parts/blocks.tsx';
import { Chart } from '../parts/chart.tsx';
import { formatCount, formatPercent, formatUsd, plural } from '../parts/format.ts';
import { formatInterval, formatPoints } from '../parts/intervals.ts';
import type { PageProps } from '../parts/page-props.ts';
import { axisOf, Chooser, type Period, sampleWords, total, useRollups, wordsOf } from '../parts/period.tsx';

const AGAIN_MS = 20_000;

/** What the router saved, and what it cost itself. */
export function SavingsPage({ overview }: PageProps) {
  const [router, setRouter] = useState(overview.defaultRouter ?? '');
  const [period, setPeriod] = useState<Period>('day');
  const savings = useLoaded<Savings>(
    router === '' ? null : `/admin/savings?period=${period}&router=${encodeURIComponent(router)}`,
    AGAIN_MS,
  );
  const rollups = useRollups(period, router, ['candidate'], false);
  return (
    <Page
      title="Savings"
      lead="What was spent, beside what other ways to choose would have cost and been worth on the same requests."
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
      {router === '' ? (
        <Notice>
          This gateway has no router, so nothing is saved. Give <code>routers</code> in its configuration.
        </Notice>
      ) : null}
      <LoadedView of={savings}>{(data) => <Compared savings={data} period={period} />}</LoadedView>
      <LoadedView of={rollups}>
        {(answer) => <Spent answer={answer} period={period} savings={savings.data} />}
      </LoadedView>
    </Page>
  );
}

function Compared({ period, savings }: { readonly savings: Savings; readonly period: Period }) {
  const { comparisons, decisions, meanCostUsd, meanQuality, rated, share, unknownCosts } = savings;
  if (decisions === 0 || meanCostUsd === null)
    return (
      <Notice>
        {unknownCosts > 0
          ? 'What the answers cost is not known, so nothing can be compared. Give prices of the candidates in the configuration.'
          : `No decision of this router was answered in ${wordsOf(period)}. Send requests with model: "auto", and the figures come by themselves.`}
      </Notice>
    );
  return (
    <>
      <dl class="figures">
        {comparisons.filter(isShownApart).map((comparison) => (
          <Figure key={comparison.kind} {...figureOf(comparison, meanCostUsd)} />
        ))}
        <Figure
          name="Spent on a request"
          value={formatUsd(meanCostUsd)}
          note={
            meanQuality === null
              ? 'no answer is rated'
              : `mean rating ${formatPercent(meanQuality)} of ${plural(rated, 'answer')}`
          }
        />
      </dl>
      <Card
        title="Beside other ways to choose"
        note={
          <>
            {sampleWords(decisions, share, period)} Amounts are of one request, with retries and exploring on
            the router's side, and 95 % intervals.
            {unknownCosts > 0
              ? ` Left out: ${plural(unknownCosts, 'decision')} whose cost is not known.`
              : ''}
          </>
        }
      >
        <ScrollTable label="Beside other ways to choose">
          <thead>
            <tr>
              <th scope="col">Instead of the router</th>
              <th scope="col">Who would answer</th>
              <th scope="col">Saved on a request</th>
              <th scope="col">Quality gained</th>
            </tr>
          </thead>
          <tbody>
            {comparisons.map(({ gainedQuality, kind, savedUsd, who }) => (
              <tr key={kind}>
                <td>{kind}</td>
                <td>{whoOf(who)}</td>
                <td>
                  <Amount of={formatInterval(savedUsd, formatUsd)} />
                </td>
                <td>
                  <Amount
                    of={
                      gainedQuality === null
                        ? 'no answer is rated'
                        : formatInterval(gainedQuality, formatPoints)
                    }
                  />
                </td>
              </tr>
            ))}
          </tbody>
        </ScrollTable>
        <Refusals comparisons={comparisons} />
      </Card>
    </>
  );
}

/** The dearest may be the best single one; then it is shown once. */
function isShownApart({ kind, who }: Comparison, _: number, all: readonly Comparison[]): boolean {
  const single = all.find((other) => other.kind === 'best single');
  return kind !== 'dearest' || single === undefined || whoOf(single.who) !== whoOf(who);
}

/** A mix costs as much, so that it is compared by quality; of the others, what they would cost. */
function figureOf({ gainedQuality, kind, savedUsd, who }: Comparison, spentUsd: number): FigureProps {
  if (kind === 'best fixed mix')
    return {
      name: 'Quality against the best fixed mix of equal cost',
      value: gainedQuality === null ? '–' : formatPoints(gainedQuality.value),
      note: gainedQuality === null ? 'no answer is rated' : basisOf(gainedQuality, whoOf(who)),
    };
  const wouldCost = spentUsd + savedUsd.value;
  return {
    name: `${savedUsd.value < 0 ? 'Dearer' : 'Cheaper'} than the ${kind}`,
    // Against what it would cost; nothing is a share of nothing.
    value: wouldCost <= 0 ? '–' : formatPercent(Math.abs(savedUsd.value) / wouldCost),
    note: basisOf(savedUsd, whoOf(who)),
  };
}

function basisOf({ low }: Estimate, who: string): string {
  return low === null ? `${who}, as the router expects it` : who;
}

/** What an amount without an interval rests on. */
function Refusals({ comparisons }: { readonly comparisons: readonly Comparison[] }) {
  const estimates = comparisons.flatMap(({ gainedQuality, savedUsd }): Estimate[] =>
    gainedQuality === null ? [savedUsd] : [savedUsd, gainedQuality],
  );
  const sentences = [...new Set(estimates.flatMap(({ refusal }) => (refusal === null ? [] : [refusal])))];
  if (sentences.length === 0) return null;
  return (
    <div class="small muted top-gap">
      <p>
        Without an interval, an amount is what the router expects, and nobody has measured how far that is
        off:
      </p>
      <ul class="dots">
        {sentences.map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
    </div>
  );
}

function whoOf(who: Comparison['who']): string {
  const parts = Object.entries(who);
  return parts
    .map(([name, share]) => (parts.length === 1 ? name : `${formatPercent(share)} ${name}`))
    .join(', ');
}

interface SpentProps {
  readonly answer: RollupAnswer;
  readonly period: Period;
  readonly savings: Savings | null;
}

function Spent({ answer, period, savings }: SpentProps) {
  const { rows } = answer;
  const requests = total(rows, (row) => row.requests);
  if (requests === 0) return <Notice>No request came in {wordsOf(period)}.</Notice>;
  const costUsd = total(rows, (row) => row.costUsd);
  const shadowUsd = total(rows, ({ shadow }) => shadow.costUsd + shadow.judgeCostUsd);
  const exploredUsd = total(rows, ({ propensity }) => propensity.exploredCostUsd);
  const explored = total(rows, ({ propensity }) => propensity.explored);
  const cached = total(rows, (row) => row.cachedInputTokens);
  const lines: readonly (readonly [string, string])[] = [
    ['Every call, retries included', formatUsd(costUsd)],
    [
      'Of it, calls whose answer was not the one that was given',
      formatUsd(total(rows, (row) => row.unusedCostUsd)),
    ],
    [
      `Of it, exploring: ${plural(explored, 'request')} expected to cost ${exploredUsd < 0 ? 'less' : 'more'} by`,
      formatUsd(Math.abs(exploredUsd)),
    ],
    ['Beside it, shadow traffic and its judge', formatUsd(shadowUsd)],
    ['All together', formatUsd(costUsd + shadowUsd)],
  ];
  const unknown = total(rows, (row) => row.unknownCosts);
  const times = [...new Set(rows.map(({ at }) => at))].sort();
  const at = (of: (row: RollupRow) => number) =>
    times.map((time) =>
      total(
        rows.filter((row) => row.at === time),
        of,
      ),
    );
  const single = savings?.comparisons.find(({ kind }) => kind === 'best single');
  const name = single === undefined ? null : (Object.keys(single.who)[0] ?? null);
  return (
    <div class="columns">
      <Card title={`Where the money went, ${wordsOf(period)}`} note={`${formatCount(requests)} requests.`}>
        <dl class="sums num">
          {lines.map(([words, amount]) => (
            <div key={words}>
              <dt>{words}</dt>
              <dd>{amount}</dd>
            </div>
          ))}
        </dl>
        <p class="small muted top-gap">
          {cached === 0
            ? 'No upstream said that it read tokens from its cache. '
            : `${formatCount(cached)} tokens were read from upstreams' caches. `}
          What a single candidate's cache would have saved, had it answered every turn of a conversation, is
          not known and not taken off.
          {unknown > 0
            ? ` Not counted: what an attempt of ${plural(unknown, 'request')} cost, which nobody said.`
            : ''}
        </p>
      </Card>
      <Card
        title="US dollars over time"
        note={name === null ? undefined : `Spent, beside what ${name} was expected to cost for all of it.`}
      >
        <Chart
          label={`US dollars over time, ${wordsOf(period)}`}
          times={times.map((time) => Date.parse(time) / 1000)}
          range={axisOf(answer)}
          series={[
            { name: 'spent', values: at((row) => row.costUsd), format: formatUsd },
            ...(name === null
              ? []
              : [
                  {
                    name: `expected of ${name}`,
                    values: at((row) => (row.candidate === name ? row.considered.costUsd : 0)),
                    format: formatUsd,
                  },
                ]),
          ]}
        />
      </Card>
    </div>
  );
}
