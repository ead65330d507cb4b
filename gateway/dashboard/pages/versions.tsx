import { useState } from 'preact/hooks';
import type { Night, NightProgress, NightsAnswer } from '../../admin/nights-area.ts';
import type { VersionsAnswer } from '../../admin/versions-area.ts';
import type { Difference } from '../../canary/trial.ts';
import type { CanaryStanding, VersionStanding } from '../../canary/version-standing.ts';
import { askJson } from '../api/client.ts';
import { useAction } from '../api/use-action.ts';
import { useLoaded } from '../api/use-loaded.ts';
import { Badge, Card, LoadedView, Notice, Page } from '../parts/blocks.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { formatCount, formatDateTime, formatPercent, plural } from '../parts/format.ts';
import { formatPoints } from '../parts/intervals.ts';
import type { PageProps } from '../parts/page-props.ts';
import { Chooser } from '../parts/period.tsx';

const AGAIN_MS = 3000;

/** Which version is in use, which one is on trial, and what retrainings decided. */
export function VersionsPage({ overview }: PageProps) {
  const [router, setRouter] = useState(overview.defaultRouter ?? '');
  const versions = useLoaded<VersionsAnswer>('/admin/versions', AGAIN_MS);
  const nights = useLoaded<NightsAnswer>('/admin/nights', 10 * AGAIN_MS);
  return (
    <Page
      title="Versions"
      lead="Which version of a router is in use, which one is on trial, and what the gate of each retraining said."
      actions={<Chooser overview={overview} router={router} onRouter={setRouter} />}
    >
      <LoadedView of={versions}>
        {({ routers }) => {
          const standing = routers[router];
          return standing === undefined ? (
            <Notice>
              This gateway has no router, so there are no versions. Give <code>routers</code> in its
              configuration.
            </Notice>
          ) : (
            <Standing
              router={router}
              standing={standing}
              versions={nights.data?.routers[router]?.versions ?? []}
              onChanged={versions.reload}
            />
          );
        }}
      </LoadedView>
      <LoadedView of={nights}>
        {({ routers }) => (
          <>
            <UnderWay progress={routers[router]?.progress ?? null} />
            <Nights nights={routers[router]?.nights ?? []} />
          </>
        )}
      </LoadedView>
    </Page>
  );
}

interface StandingProps {
  readonly router: string;
  readonly standing: VersionStanding;
  /** All in the folder of the router. */
  readonly versions: readonly string[];
  readonly onChanged: () => void;
}

type Order = { readonly kind: 'promote'; readonly version: string } | { readonly kind: 'rollback' };

function Standing({ onChanged, router, standing: { canary, champion, verdicts }, versions }: StandingProps) {
  const [asked, setAsked] = useState<Order | null>(null);
  const obey = useAction(async (order: Order) => {
    const body = order.kind === 'promote' ? { router, version: order.version } : { router };
    await askJson(`/admin/versions/${order.kind}`, { body });
    setAsked(null);
    onChanged();
  });
  const others = versions.filter((version) => version !== champion.version && version !== canary?.version);
  return (
    <>
      <Card title="In use">
        <p class="row">
          <strong>{champion.version ?? champion.artifactId}</strong>
          <Badge tone="good">answers {canary === null ? 'everybody' : formatPercent(1 - canary.share)}</Badge>
        </p>
        {champion.version === null ? (
          <p class="muted top-gap">
            New versions are taken over as soon as <code>current.json</code> of the router's folder names
            them. With <code>canary</code> in the router's configuration, a new one is tried on a share of the
            traffic first, and can be promoted and rolled back here.
          </p>
        ) : others.length === 0 ? null : (
          <div class="top-gap">
            <p class="muted small">Other versions in the router's folder:</p>
            <ul class="list">
              {others.map((version) => (
                <li key={version} class="row">
                  <code>{version}</code>
                  <button
                    type="button"
                    class="button quiet"
                    onClick={() => setAsked({ kind: 'promote', version })}
                  >
                    Put into use
                  </button>
                </li>
              ))}
            </ul>
          </div>
        )}
      </Card>
      {canary === null ? (
        champion.version === null ? null : (
          <Notice>
            No version is on trial. The next one that a retraining promotes begins with a small share of the
            traffic.
          </Notice>
        )
      ) : (
        <Canary canary={canary} onOrder={setAsked} />
      )}
      {verdicts.length === 0 ? null : (
        <Card title="What became of new versions">
          <ul class="list">
            {verdicts.map(({ at, by, verdict, version, why }) => (
              <li key={`${version} ${at}`}>
                <span class="row">
                  <code>{version}</code>
                  <Badge
                    tone={verdict === 'promoted' ? 'good' : verdict === 'rolled back' ? 'bad' : undefined}
                  >
                    {verdict}
                  </Badge>
                  <span class="muted small">
                    {formatDateTime(at)}, by {by}
                  </span>
                </span>
                <p class="small">{why}</p>
              </li>
            ))}
          </ul>
        </Card>
      )}
      {asked === null ? null : (
        <Dialog
          title={asked.kind === 'promote' ? `Put ${asked.version} into use?` : 'End the trial?'}
          onClose={() => setAsked(null)}
        >
          <p>
            {asked.kind === 'promote'
              ? 'It takes all requests from now on, whatever its trial has shown. Conversations that began with the other version go on with this one.'
              : `The new version gets no more requests; ${champion.version ?? 'the version in use'} answers all of them again.`}
          </p>
          {obey.error === null ? null : <Notice tone="bad">{obey.error}</Notice>}
          <div class="row">
            <button
              type="button"
              class="button primary"
              disabled={obey.isBusy}
              onClick={() => obey.run(asked)}
            >
              {asked.kind === 'promote' ? 'Put into use' : 'Roll back'}
            </button>
            <button type="button" class="button" onClick={() => setAsked(null)}>
              Cancel
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}

function Canary({
  canary,
  onOrder,
}: {
  readonly canary: CanaryStanding;
  readonly onOrder: (order: Order) => void;
}) {
  const { errors, quality, ratings, requests, share, startedAt, steps, version, why } = canary;
  return (
    <Card>
      <div class="row between">
        <h2>
          On trial: <code>{version}</code>
        </h2>
        <div class="row">
          <button type="button" class="button" onClick={() => onOrder({ kind: 'promote', version })}>
            Promote
          </button>
          <button type="button" class="button danger" onClick={() => onOrder({ kind: 'rollback' })}>
            Roll back
          </button>
        </div>
      </div>
      <p>{why}</p>
      <dl class="pairs num top-gap">
        <dt>Share</dt>
        <dd>
          {formatPercent(share)} of {steps.map((step) => formatPercent(step)).join(' → ')}, since{' '}
          {formatDateTime(startedAt)}
        </dd>
        <dt>Requests</dt>
        <dd>
          {Object.entries(requests)
            .map(
              ([arm, { count, sum }]) => `${arm} ${formatCount(count)}, of them ${formatCount(sum)} failed`,
            )
            .join('; ')}
        </dd>
        <dt>Ratings</dt>
        <dd>
          {Object.entries(ratings)
            .map(
              ([arm, { count, sum }]) =>
                `${arm} ${formatCount(count)}${count === 0 ? '' : `, mean ${formatPercent(sum / count)}`}`,
            )
            .join('; ')}
        </dd>
        <dt>Quality, new minus old</dt>
        <dd>{differenceOf(quality)}</dd>
        <dt>Errors, new minus old</dt>
        <dd>{differenceOf(errors)}</dd>
      </dl>
    </Card>
  );
}

/** A confidence sequence: it holds at every moment together, however often somebody looks. */
function differenceOf({ comparisons, lower, mean, upper }: Difference): string {
  if (mean === null) return 'nothing to compare yet';
  return `${formatPoints(mean)}, surely between ${formatPoints(lower)} and ${formatPoints(upper)}, by ${plural(comparisons, 'comparison')}`;
}

/** One that has said nothing for so long was most likely ended from outside. */
const SILENT_MS = 600_000;

function UnderWay({ progress }: { readonly progress: NightProgress | null }) {
  if (progress === null) return null;
  const { done, secondsLeft, startedAt, step, total, unit, updatedAt } = progress;
  const isSilent = Date.now() - Date.parse(updatedAt) > SILENT_MS;
  return (
    <Card title={isSilent ? 'A retraining that says nothing any more' : 'A retraining is under way'}>
      <dl class="pairs num">
        <dt>Step</dt>
        <dd>{step}</dd>
        {done === null || total === null ? null : (
          <>
            <dt>Done</dt>
            <dd>
              {formatCount(done)} of {formatCount(total)} {unit}
            </dd>
          </>
        )}
        {secondsLeft === null ? null : (
          <>
            <dt>Left of this step</dt>
            <dd>{secondsLeft < 90 ? `${secondsLeft} s` : `${Math.round(secondsLeft / 60)} min`}</dd>
          </>
        )}
        <dt>Began</dt>
        <dd>{formatDateTime(startedAt)}</dd>
        <dt>Last heard of</dt>
        <dd>{formatDateTime(updatedAt)}</dd>
      </dl>
    </Card>
  );
}

function Nights({ nights }: { readonly nights: readonly Night[] }) {
  if (nights.length === 0)
    return (
      <Notice>
        No retraining has been recorded for this router.{' '}
        <code>npx pointsman retrain --config retrain.yaml</code> learns from the decision log, and leaves a
        record that is shown here: <code>docs/retraining.md</code>.
      </Notice>
    );
  return (
    <Card title="Retrainings" note="The newest first.">
      <ul class="list">
        {nights.map(({ challenger, dryRun, gate, id, outcome, sentence, startedAt }) => (
          <li key={id}>
            <span class="row">
              <strong>{formatDateTime(startedAt)}</strong>
              <Badge tone={outcome === 'promoted' ? 'good' : outcome === 'failed' ? 'bad' : 'warn'}>
                {outcome}
              </Badge>
              {dryRun ? <Badge>rehearsal</Badge> : null}
              {challenger === null ? null : <code class="muted small">{challenger}</code>}
            </span>
            <p>{sentence}</p>
            {gate === null || gate.tests.length === 0 ? null : (
              <details class="small">
                <summary>What the gate tested, on {plural(gate.rows, 'prompt')}</summary>
                <ul class="dots">
                  {gate.tests.map((test) => (
                    <li key={test.sentence}>
                      <Badge tone={test.passed ? 'good' : 'bad'}>{test.passed ? 'passed' : 'failed'}</Badge>{' '}
                      {test.sentence}
                    </li>
                  ))}
                </ul>
              </details>
            )}
          </li>
        ))}
      </ul>
    </Card>
  );
}
