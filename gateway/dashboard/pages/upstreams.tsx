import type { CandidateStanding, Upstreams } from '../../admin/standing-area.ts';
import { useLoaded } from '../api/use-loaded.ts';
import { Badge, Card, LoadedView, Notice, Page } from '../parts/blocks.tsx';
import { formatCount, formatDateTime, formatMs, formatPercent, formatUsd, plural } from '../parts/format.ts';

const AGAIN_MS = 3000;

/** How those behind the candidates are doing. */
export function UpstreamsPage() {
  const loaded = useLoaded<Upstreams>('/admin/upstreams', AGAIN_MS);
  return (
    <Page
      title="Upstreams"
      lead="How the calls of each candidate went: breakers, errors, and how long answers took."
    >
      <LoadedView of={loaded}>{(upstreams) => <Whole upstreams={upstreams} />}</LoadedView>
    </Page>
  );
}

function Whole({ upstreams: { candidates, decisions, since } }: { readonly upstreams: Upstreams }) {
  if (candidates.length === 0)
    return (
      <Notice>
        No candidate has an upstream, so this gateway decides and calls nobody. Give <code>upstreams</code>{' '}
        and <code>candidates</code> in its configuration: <code>docs/gateway.md</code>.
      </Notice>
    );
  const open = candidates.filter(({ breaker }) => breaker !== 'closed');
  return (
    <>
      {open.length === 0 ? null : (
        <Notice tone="warn">
          {open.map(({ candidate }) => candidate).join(', ')} {open.length === 1 ? 'is' : 'are'} left alone
          after failing too often: other candidates answer until a trial request goes well.
        </Notice>
      )}
      <p class="muted small">
        {since === null
          ? 'No decision has been made yet.'
          : `Counted over the newest ${plural(decisions, 'decision')} that the gateway keeps, since ${formatDateTime(since)}.`}
      </p>
      <div class="columns">
        {candidates.map((candidate) => (
          <Standing key={candidate.candidate} standing={candidate} />
        ))}
      </div>
    </>
  );
}

const BREAKERS = {
  closed: ['good', 'closed: it is called'],
  'half-open': ['warn', 'half open: one request tries it'],
  open: ['bad', 'open: it is left alone'],
} as const;

function Standing({ standing }: { readonly standing: CandidateStanding }) {
  const { answered, attempts, breaker, candidate, costUsd, errors, firstPieceMs, inFlight, lastError } =
    standing;
  const { latencyMs, overBudget, refused, upstream } = standing;
  const failures = Object.entries(errors);
  const failed = failures.reduce((sum, [, count]) => sum + count, 0);
  const [tone, words] = BREAKERS[breaker];
  return (
    <Card>
      <div class="row between">
        <h2>
          {candidate} <span class="muted small">at {upstream}</span>
        </h2>
        <Badge tone={tone}>{words}</Badge>
      </div>
      {attempts + overBudget + refused === 0 ? (
        <p class="muted">It has not been called.</p>
      ) : (
        <dl class="pairs num">
          <dt>Calls</dt>
          <dd>
            {formatCount(attempts)}, {formatCount(answered)} answered
            {inFlight > 0 ? `, ${formatCount(inFlight)} under way` : ''}
          </dd>
          <dt>Failed</dt>
          <dd>
            {failed === 0 ? 'none' : `${formatCount(failed)} (${formatPercent(failed / attempts, 1)}): `}
            {failures.map(([code, count]) => `${code} × ${formatCount(count)}`).join(', ')}
          </dd>
          {refused === 0 ? null : (
            <>
              <dt>Not sent</dt>
              <dd>{formatCount(refused)}: its breaker was open, or too many were under way</dd>
            </>
          )}
          {overBudget === 0 ? null : (
            <>
              <dt>Over budget</dt>
              <dd>{formatCount(overBudget)} not sent: the cost budget of the request did not cover it</dd>
            </>
          )}
          <dt>Answered in</dt>
          <dd>{quantilesOf(latencyMs)}</dd>
          {firstPieceMs === null ? null : (
            <>
              <dt>First piece of a stream in</dt>
              <dd>{quantilesOf(firstPieceMs)}</dd>
            </>
          )}
          <dt>Spent</dt>
          <dd>{formatUsd(costUsd)}</dd>
          {lastError === null ? null : (
            <>
              <dt>Last error</dt>
              <dd>
                {formatDateTime(lastError.at)}: {lastError.message}
              </dd>
            </>
          )}
        </dl>
      )}
    </Card>
  );
}

function quantilesOf(quantiles: CandidateStanding['latencyMs']): string {
  if (quantiles === null) return 'no answer yet';
  return `${formatMs(quantiles.p50)} half of the time, ${formatMs(quantiles.p95)} in 95 of 100`;
}
