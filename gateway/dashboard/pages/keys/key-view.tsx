import { useState } from 'preact/hooks';
import type { Overview } from '../../../admin/standing-area.ts';
import type { MadeKey, ShownKey, ShownUse } from '../../../keys/manage-keys.ts';
import { askJson } from '../../api/client.ts';
import { useAction } from '../../api/use-action.ts';
import { useLoaded } from '../../api/use-loaded.ts';
import { Badge, Card, Figure, LoadedView, Notice } from '../../parts/blocks.tsx';
import { Chart } from '../../parts/chart.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { formatCount, formatDateTime, formatUsd, plural } from '../../parts/format.ts';
import { KeyForm } from './key-form.tsx';

const USE_AGAIN_MS = 5000;

interface KeyViewProps {
  readonly id: string;
  readonly overview: Overview;
  readonly onSecret: (made: MadeKey) => void;
}

type Asked = 'change' | 'rotate' | 'delete' | null;

/** One key: what it may, what it used, and what can be done with it. */
export function KeyView({ id, onSecret, overview }: KeyViewProps) {
  const path = `/admin/keys/${encodeURIComponent(id)}`;
  const loaded = useLoaded<ShownKey>(path);
  const usage = useLoaded<{ readonly days: readonly ShownUse[] }>(`${path}/usage?days=31`, USE_AGAIN_MS);
  const [asked, setAsked] = useState<Asked>(null);
  const close = () => setAsked(null);
  const change = useAction(async (body: Readonly<Record<string, unknown>>) => {
    await askJson(path, { method: 'PATCH', body });
    close();
    loaded.reload();
  });
  const rotate = useAction(async (graceSeconds: number) => {
    const made = await askJson<MadeKey>(`${path}/rotate`, { body: { graceSeconds } });
    close();
    loaded.reload();
    onSecret(made);
  });
  const remove = useAction(async () => {
    await askJson(path, { method: 'DELETE' });
    location.hash = '#/keys';
  });
  return (
    <LoadedView of={loaded}>
      {(key) => (
        <>
          <Card>
            <div class="row between">
              <h2>
                {key.name} <Standing of={key} />
              </h2>
              <div class="row">
                <button type="button" class="button" onClick={() => setAsked('change')}>
                  Change
                </button>
                <button type="button" class="button" onClick={() => change.run({ disabled: !key.disabled })}>
                  {key.disabled ? 'Enable' : 'Disable'}
                </button>
                <button type="button" class="button" onClick={() => setAsked('rotate')}>
                  New secret
                </button>
                <button type="button" class="button danger" onClick={() => setAsked('delete')}>
                  Delete
                </button>
              </div>
            </div>
            {change.error === null ? null : <Notice tone="bad">{change.error}</Notice>}
            <Settings of={key} />
          </Card>
          <LoadedView of={usage}>{({ days }) => <Use days={days} of={key} />}</LoadedView>
          {asked === 'change' ? (
            <Dialog title={`Change "${key.name}"`} onClose={close}>
              <KeyForm
                overview={overview}
                of={key}
                error={change.error}
                isBusy={change.isBusy}
                onSave={change.run}
                onCancel={close}
              />
            </Dialog>
          ) : null}
          {asked === 'rotate' ? (
            <Dialog title="A new secret" onClose={close}>
              <p>The key gets another secret. The one before can work for a while, so that nothing stops.</p>
              {rotate.error === null ? null : <Notice tone="bad">{rotate.error}</Notice>}
              <div class="row">
                <button type="button" class="button primary" onClick={() => rotate.run(86_400)}>
                  The old one works for a day
                </button>
                <button type="button" class="button" onClick={() => rotate.run(0)}>
                  The old one stops now
                </button>
                <button type="button" class="button" onClick={close}>
                  Cancel
                </button>
              </div>
            </Dialog>
          ) : null}
          {asked === 'delete' ? (
            <Dialog title={`Delete "${key.name}"?`} onClose={close}>
              <p>
                Whoever uses it is refused from now on, and what it used is no longer shown. It cannot be
                taken back.
              </p>
              {remove.error === null ? null : <Notice tone="bad">{remove.error}</Notice>}
              <div class="row">
                <button type="button" class="button danger" onClick={() => remove.run()}>
                  Delete it
                </button>
                <button type="button" class="button" onClick={close}>
                  Keep it
                </button>
              </div>
            </Dialog>
          ) : null}
        </>
      )}
    </LoadedView>
  );
}

/** Whether a key works now. */
export function Standing({
  of: { disabled, expiresAt },
}: {
  readonly of: Pick<ShownKey, 'disabled' | 'expiresAt'>;
}) {
  if (disabled) return <Badge tone="bad">disabled</Badge>;
  const isExpired = expiresAt !== null && Date.parse(expiresAt) <= Date.now();
  return isExpired ? <Badge tone="warn">expired</Badge> : <Badge tone="good">works</Badge>;
}

function Settings({ of: key }: { readonly of: ShownKey }) {
  const { createdAt, expiresAt, hint, id, onBudget, requestsPerMinute, tags, tier, tokensPerMinute } = key;
  const tagged = Object.entries(tags).map(([tag, value]) => `${tag}=${value}`);
  const pairs: readonly (readonly [string, string | null])[] = [
    ['secret', `pm-${id}-…${hint}`],
    ['routers', key.routers?.join(', ') ?? 'all'],
    ['candidates', key.candidates?.join(', ') ?? 'all'],
    ['requests a minute', requestsPerMinute == null ? 'no limit' : formatCount(requestsPerMinute)],
    ['tokens a minute', tokensPerMinute == null ? 'no limit' : formatCount(tokensPerMinute)],
    ['over budget', onBudget === 'degrade' ? 'the cheapest candidate answers' : 'refused'],
    ['tier', tier],
    ['tags', tagged.length === 0 ? null : tagged.join(', ')],
    ['made', formatDateTime(createdAt)],
    ['expires', expiresAt === null ? 'never' : formatDateTime(expiresAt)],
  ];
  return (
    <dl class="pairs">
      {pairs.flatMap(([name, value]) =>
        value === null ? [] : [<dt key={name}>{name}</dt>, <dd key={`${name} value`}>{value}</dd>],
      )}
    </dl>
  );
}

/** Days and months are those of UTC, as they are counted. */
function Use({
  days,
  of: { budgetUsdPerDay, budgetUsdPerMonth },
}: {
  readonly days: readonly ShownUse[];
  readonly of: ShownKey;
}) {
  if (days.length === 0) return <Notice>It has not been used in the last 31 days.</Notice>;
  const today = new Date().toISOString().slice(0, 10);
  const ofMonth = days.filter(({ day }) => day.slice(0, 7) === today.slice(0, 7));
  const spentToday = days.find(({ day }) => day === today)?.usd ?? 0;
  const spentThisMonth = ofMonth.reduce((sum, { usd }) => sum + usd, 0);
  const requests = days.reduce((sum, day) => sum + day.requests, 0);
  const inOrder = days.toSorted((a, b) => (a.day < b.day ? -1 : 1));
  return (
    <>
      <dl class="figures">
        <Figure name="Today (UTC)" value={formatUsd(spentToday)} note={leftOf(spentToday, budgetUsdPerDay)} />
        <Figure
          name="This month"
          value={formatUsd(spentThisMonth)}
          note={leftOf(spentThisMonth, budgetUsdPerMonth)}
        />
        <Figure
          name="Requests, 31 days"
          value={formatCount(requests)}
          note={plural(days.length, 'day of use', 'days of use')}
        />
      </dl>
      <Card title="US dollars a day" note="Spent, and set aside for requests under way.">
        <Chart
          label={`US dollars a day, from ${inOrder[0]?.day} to ${inOrder.at(-1)?.day}`}
          times={inOrder.map(({ day }) => Date.parse(`${day}T00:00:00Z`) / 1000)}
          series={[
            { name: 'US dollars', values: inOrder.map(({ usd }) => usd), format: formatUsd, isBars: true },
          ]}
        />
      </Card>
    </>
  );
}

function leftOf(spent: number, budget: number | null): string {
  if (budget === null) return 'no budget';
  return spent > budget
    ? `${formatUsd(spent - budget)} over ${formatUsd(budget)}`
    : `${formatUsd(budget - spent)} left of ${formatUsd(budget)}`;
}
