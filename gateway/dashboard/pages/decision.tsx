import type { Attempt } from 'pointsman/execution';
import type { DecisionRecord } from '../../records/decision-records.ts';
import { useLoaded } from '../api/use-loaded.ts';
import { Alternatives } from '../parts/alternatives.tsx';
import { Badge, Card, Figure, LoadedView, Notice, Page, Words } from '../parts/blocks.tsx';
import {
  formatDateTime,
  formatMs,
  formatNumber,
  formatPercent,
  formatUsd,
  plural,
  withoutTurns,
} from '../parts/format.ts';
import type { PageProps } from '../parts/page-props.ts';
import { NearestCards } from './decision/nearest.tsx';

/** What `GET /admin/decisions/:id` gives. */
type ShownDecision = DecisionRecord & {
  readonly decision: DecisionRecord['decision'] & { readonly changes: readonly string[] };
};

const AGAIN_MS = 2000;

/** One decision: why it was made so, and what came of it. */
export function DecisionPage({ overview, rest: id }: PageProps) {
  const loaded = useLoaded<ShownDecision>(
    id === '' ? null : `/admin/decisions/${encodeURIComponent(id)}`,
    AGAIN_MS,
  );
  return (
    <Page title="Decision" lead={<a href="#/live">← All decisions</a>}>
      {id === '' ? (
        <Notice>
          Choose one on the page <a href="#/live">Live</a>. The newest {overview.recordsKept} are kept.
        </Notice>
      ) : (
        <LoadedView of={loaded}>{(record) => <Whole record={record} />}</LoadedView>
      )}
    </Page>
  );
}

function Whole({ record }: { readonly record: ShownDecision }) {
  const { attempts, candidate, costUsd, decision, latencyMs, overheadMs, prompt, state } = record;
  return (
    <>
      <Card>
        <p class="prose">
          {prompt === null ? (
            <span class="muted">The words are not kept, since the decision log keeps none.</span>
          ) : (
            <Words of={prompt} />
          )}
        </p>
        <p class="row muted small facts">
          <StateOf record={record} />
          <span>{formatDateTime(record.at)}</span>
          <span>
            asked as <code>{record.asked}</code> at <code>{record.route}</code>
          </span>
          {record.keyId === null ? null : <span>key {record.keyId}</span>}
        </p>
        {record.error === null ? null : <p class="small">{record.error.message}</p>}
      </Card>
      <dl class="figures">
        <Figure
          name={
            state === 'answered' && candidate !== decision.candidate ? 'Answered, after a fallback' : 'Chosen'
          }
          value={candidate ?? decision.candidate}
          note={
            decision.propensity < 1
              ? `with probability ${formatPercent(decision.propensity, 1)}, since the policy explores`
              : decision.policyPath.join(' → ')
          }
        />
        <Figure
          name="Chance of a good answer"
          value={decision.artifactId === 'none' ? '–' : formatPercent(decision.confidence)}
          note={`margin ${formatNumber(decision.margin, 3)} to the next`}
        />
        <Figure
          name="Cost"
          value={formatUsd(costUsd)}
          note={`expected ${formatUsd(decision.predictions[0].expectedCostUsd)}`}
        />
        <Figure
          name="Time"
          value={formatMs(latencyMs)}
          note={`of it ${formatMs(overheadMs)} before it was sent`}
        />
      </dl>
      <Card title="Why">
        <ul class="list">
          {decision.reasons.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      </Card>
      <Card
        title="Alternatives"
        note="What the router expects of each candidate for this request, the chosen one first."
      >
        <Alternatives decision={decision} />
      </Card>
      <div class="columns">
        <Card title="What would change it">
          {decision.changes.length === 0 ? (
            <p class="muted">
              No small change of weights, limits or predictions is known that would put another one first.
            </p>
          ) : (
            <ul class="list">
              {decision.changes.map((change) => (
                <li key={change}>{change}</li>
              ))}
            </ul>
          )}
        </Card>
        <Card title="Attempts">
          <Attempts attempts={attempts} state={state} />
        </Card>
        <Card title="Ratings">
          <Ratings record={record} />
        </Card>
        <Card title="What was seen of the request">
          <Seen record={record} />
        </Card>
      </div>
      <NearestCards id={record.id} />
      <details>
        <summary>All of it as JSON</summary>
        <pre>{withoutTurns(JSON.stringify(record, null, 2))}</pre>
      </details>
    </>
  );
}

function StateOf({ record: { error, state, status } }: { readonly record: ShownDecision }) {
  if (state === 'failed') return <Badge tone="bad">{`failed: ${error?.code ?? status}`}</Badge>;
  if (state === 'refused') return <Badge tone="warn">{`refused: ${error?.code ?? status}`}</Badge>;
  if (state === 'left') return <Badge tone="warn">client left</Badge>;
  if (state === 'decided') return <Badge>decided, not called</Badge>;
  return (
    <Badge tone={state === 'answered' ? 'good' : 'accent'}>{state === 'running' ? 'under way' : state}</Badge>
  );
}

function Attempts({ attempts, state }: Pick<DecisionRecord, 'attempts' | 'state'>) {
  if (attempts.length === 0)
    return (
      <p class="muted">
        {state === 'running' ? 'The first one is under way.' : 'Nothing was called for this decision.'}
      </p>
    );
  const endMs = attempts.reduce(
    (end, { latencyMs, startedMs }) => Math.max(end, startedMs + latencyMs),
    1e-9,
  );
  return (
    <ol class="attempts">
      {attempts.map((attempt) => (
        <li key={`${attempt.candidate} ${attempt.startedMs} ${attempt.retry}`}>
          <AttemptLine attempt={attempt} endMs={endMs} />
        </li>
      ))}
    </ol>
  );
}

function AttemptLine({ attempt, endMs }: { readonly attempt: Attempt; readonly endMs: number }) {
  const { candidate, costUsd, error, latencyMs, outputTokens, retry, role, startedMs, state } = attempt;
  const facts = [
    role === 'answer' ? null : role,
    retry === 0 ? null : `retry ${retry}`,
    formatMs(latencyMs),
    costUsd === null ? null : formatUsd(costUsd),
    outputTokens === null ? null : plural(outputTokens, 'token'),
  ];
  const isBad = state === 'failed' || state === 'refused';
  return (
    <>
      <span class="row num">
        <strong>{candidate}</strong>
        <Badge tone={state === 'answered' ? 'good' : isBad ? 'bad' : 'warn'}>{state}</Badge>
        <span class="muted small">{facts.filter((fact) => fact !== null).join(' · ')}</span>
      </span>
      <div class="track" aria-hidden="true">
        <i
          class={isBad ? 'bad' : ''}
          style={{ left: `${(100 * startedMs) / endMs}%`, width: `${(100 * latencyMs) / endMs}%` }}
        />
      </div>
      {error === null ? null : <p class="small muted">{error.message}</p>}
    </>
  );
}

function Ratings({ record: { feedback, id } }: { readonly record: ShownDecision }) {
  if (feedback.length === 0)
    return (
      <p class="muted">
        Nobody has rated it. <code>POST /v1/feedback</code> with{' '}
        <code>{`{"decisionId": "${id}", "rating": "up"}`}</code> does.
      </p>
    );
  return (
    <ul class="list">
      {feedback.map(({ at, comment, quality, rightAnswer, source }) => (
        <li key={`${at} ${source}`}>
          {quality === undefined ? null : <strong class="num">{formatPercent(quality)} </strong>}
          <span class="muted small">
            {source ?? 'somebody'}, {formatDateTime(at)}
          </span>
          {comment === undefined ? null : (
            <p class="prose">
              <Words of={comment} />
            </p>
          )}
          {rightAnswer === undefined ? null : (
            <p class="prose">
              Right would be: <Words of={rightAnswer} />
            </p>
          )}
        </li>
      ))}
    </ul>
  );
}

function Seen({ record }: { readonly record: ShownDecision }) {
  const { decision, id, inputTokens, outputTokens, router, servedModel } = record;
  const signals = Object.entries(decision.signals).filter(
    ([, value]) => value !== undefined && value !== null,
  );
  const pairs: [string, string][] = [
    ['decision', id],
    ['router', router ?? 'none: the request names a candidate'],
    ['version', decision.artifactId],
    ['policy', decision.policyPath.join(' → ')],
    ['decided in', formatMs(decision.routerMs)],
    ...(decision.novelty == null
      ? []
      : [
          [
            'novelty',
            `${formatNumber(decision.novelty)}${decision.novelty > 1 ? ': unlike what it was trained on' : ''}`,
          ] as [string, string],
        ]),
    ...(servedModel === null ? [] : [['model that answered', servedModel] as [string, string]]),
    ...(record.attempts.length === 0
      ? []
      : [['tokens', `${inputTokens} in, ${outputTokens} out`] as [string, string]]),
    ...signals.map(
      ([name, value]) =>
        [name, typeof value === 'string' ? value : JSON.stringify(value)] as [string, string],
    ),
  ];
  return (
    <dl class="pairs small">
      {pairs.map(([name, value]) => (
        <>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </>
      ))}
    </dl>
  );
}
