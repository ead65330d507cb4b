import { useState } from 'preact/hooks';
import type { WhatIf } from '../../worth/what-if.ts';
import { askJson } from '../api/client.ts';
import { useAction } from '../api/use-action.ts';
import { Bar, Card, Figure, Notice, Page, ScrollTable } from '../parts/blocks.tsx';
import { Field } from '../parts/dialog.tsx';
import { formatCount, formatPercent, formatUsd, plural } from '../parts/format.ts';
import { formatInterval, formatPoints } from '../parts/intervals.ts';
import type { PageProps } from '../parts/page-props.ts';
import { Chooser, type Period, sampleWords } from '../parts/period.tsx';

const WEIGHTS = ['as they are', 'best', 'balanced', 'cheapest', 'my own'] as const;

const OWN = [
  ['quality', 'Quality'],
  ['cost', 'Cost'],
  ['latency', 'Latency'],
] as const;

const LIMITS = [
  ['maxCostUsd', 'Most US dollars a request'],
  ['maxLatencyMs', 'Most milliseconds'],
  ['minSuccessProbability', 'Least chance of a good answer, 0 to 1'],
] as const;

/** Moves weights or limits, and asks what that would have been worth. */
export function WhatIfPage({ overview }: PageProps) {
  const [router, setRouter] = useState(overview.defaultRouter ?? '');
  const [period, setPeriod] = useState<Period>('month');
  const [weights, setWeights] = useState<(typeof WEIGHTS)[number]>('best');
  const [own, setOwn] = useState<Readonly<Record<string, string>>>({
    quality: '1',
    cost: '0.2',
    latency: '0',
  });
  const [limits, setLimits] = useState<Readonly<Record<string, string>>>({});
  const [found, setFound] = useState<{
    readonly answer: WhatIf;
    readonly period: Period;
    readonly areWeightsMoved: boolean;
  } | null>(null);
  const asking = useAction(async () => {
    setFound(null);
    const numbers = (texts: Readonly<Record<string, string>>) =>
      Object.fromEntries(
        Object.entries(texts).flatMap(([name, text]) => (text === '' ? [] : [[name, Number(text)]])),
      );
    const answer = await askJson<WhatIf>('/admin/what-if', {
      body: {
        router,
        period,
        ...(weights === 'as they are' ? {} : { weights: weights === 'my own' ? numbers(own) : weights }),
        limits: numbers(limits),
      },
    });
    setFound({ answer, period, areWeightsMoved: weights !== 'as they are' });
  });
  if (router === '')
    return (
      <Page title="What if">
        <Notice>
          This gateway has no router, so there is nothing to move. Give <code>routers</code> in its
          configuration.
        </Notice>
      </Page>
    );
  return (
    <Page
      title="What if"
      lead="With other weights or limits: what would have been chosen on the same requests, what it would have cost, and how good it would have been."
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
      <Card>
        <form
          class="stack"
          onSubmit={(event) => {
            event.preventDefault();
            asking.run();
          }}
        >
          <div class="pair">
            <Field name="Weights">
              <select
                class="input"
                value={weights}
                onChange={(event) => setWeights(event.currentTarget.value as (typeof WEIGHTS)[number])}
              >
                {WEIGHTS.map((name) => (
                  <option key={name}>{name}</option>
                ))}
              </select>
            </Field>
            {weights !== 'my own'
              ? null
              : OWN.map(([name, label]) => (
                  <Field key={name} name={label}>
                    <input
                      class="input"
                      type="number"
                      min="0"
                      step="any"
                      required
                      value={own[name]}
                      onInput={(event) => setOwn({ ...own, [name]: event.currentTarget.value })}
                    />
                  </Field>
                ))}
            {LIMITS.map(([name, label]) => (
              <Field key={name} name={label}>
                <input
                  class="input"
                  type="number"
                  min="0"
                  step="any"
                  placeholder="no limit"
                  value={limits[name] ?? ''}
                  onInput={(event) => setLimits({ ...limits, [name]: event.currentTarget.value })}
                />
              </Field>
            ))}
          </div>
          <div class="row">
            <button type="submit" class="button primary" disabled={asking.isBusy}>
              {asking.isBusy ? 'Deciding anew …' : 'Decide anew'}
            </button>
          </div>
          {asking.error === null ? null : <Notice tone="bad">{asking.error}</Notice>}
        </form>
      </Card>
      {found === null ? null : (
        <Found found={found.answer} period={found.period} areWeightsMoved={found.areWeightsMoved} />
      )}
    </Page>
  );
}

interface FoundProps {
  readonly found: WhatIf;
  /** What was asked, which the form may not say any more. */
  readonly period: Period;
  readonly areWeightsMoved: boolean;
}

function Found({ areWeightsMoved, found, period }: FoundProps) {
  const {
    after,
    agreement,
    before,
    costChangeUsd,
    costUsd,
    decisions,
    hasWeights,
    leftOut,
    quality,
    qualityChange,
    rated,
    refused,
    share,
  } = found;
  const refusals = [
    ...new Set([costUsd, quality].flatMap((each) => (each?.refusal == null ? [] : [each.refusal]))),
  ];
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort(
    (a, b) => (after[b] ?? 0) - (after[a] ?? 0),
  );
  return (
    <>
      {areWeightsMoved && !hasWeights ? (
        <Notice tone="warn">
          The policy of this router has no weights, so moving them changes nothing: only limits do.
        </Notice>
      ) : null}
      {refusals.length === 0 ? null : (
        <Notice tone="warn">
          <p>
            These decisions cannot say it all. Amounts marked as expected are what the router expects, and
            nobody has measured them:
          </p>
          {refusals.map((sentence) => (
            <p key={sentence}>{sentence}</p>
          ))}
        </Notice>
      )}
      <dl class="figures">
        <Figure
          name="Cost of a request"
          value={formatUsd(costUsd.value)}
          note={`${formatInterval(costChangeUsd, signedUsd)} against what was spent`}
        />
        <Figure
          name="Quality"
          value={quality === null ? '–' : formatPercent(quality.value, 1)}
          note={
            qualityChange === null
              ? 'no answer is rated'
              : `${formatInterval(qualityChange, formatPoints)} against what was rated`
          }
        />
        <Figure
          name="Would go where it went"
          value={formatPercent(agreement)}
          note={`of ${plural(decisions, 'request')}, ${formatCount(rated)} rated`}
        />
        <Figure
          name="Effective sample size"
          value={formatCount(Math.floor(quality?.effectiveSampleSize ?? costUsd.effectiveSampleSize))}
          note={
            quality === null
              ? 'of the costs'
              : `of the ratings; of the costs ${formatCount(Math.floor(costUsd.effectiveSampleSize))}`
          }
        />
      </dl>
      {leftOut === 0 ? null : (
        <Notice tone="warn">
          Left out: {plural(leftOut, 'request')} whose words are not kept or were too long, or whose cost is
          not known.
        </Notice>
      )}
      {refused === 0 ? null : (
        <Notice tone="warn">
          {plural(refused, 'request')} could have been taken by no candidate, and are left out.
        </Notice>
      )}
      <Card
        title="Who would answer"
        note={`Beside who did: fresh decisions of the version in use, without exploring. ${sampleWords(decisions + leftOut + refused, share, period)}`}
      >
        <ScrollTable label="Who would answer">
          <thead>
            <tr>
              <th scope="col">Candidate</th>
              <th scope="col">Did</th>
              <th scope="col">Would</th>
            </tr>
          </thead>
          <tbody>
            {names.map((name) => (
              <tr key={name}>
                <td>{name}</td>
                <td>
                  {formatPercent(before[name] ?? 0, 1)}
                  <Bar share={before[name] ?? 0} isDim />
                </td>
                <td>
                  {formatPercent(after[name] ?? 0, 1)}
                  <Bar share={after[name] ?? 0} />
                </td>
              </tr>
            ))}
          </tbody>
        </ScrollTable>
      </Card>
    </>
  );
}

function signedUsd(usd: number): string {
  return usd > 0 ? `+${formatUsd(usd)}` : formatUsd(usd);
}
