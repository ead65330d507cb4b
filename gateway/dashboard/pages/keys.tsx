import { useState } from 'preact/hooks';
import type { MadeKey, ShownKey, ShownUse } from '../../keys/manage-keys.ts';
import { askJson } from '../api/client.ts';
import { useAction } from '../api/use-action.ts';
import { useLoaded } from '../api/use-loaded.ts';
import { LoadedView, Notice, Page, Words } from '../parts/blocks.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { formatUsd, plural } from '../parts/format.ts';
import type { PageProps } from '../parts/page-props.ts';
import { useIsNarrow } from '../parts/use-is-narrow.ts';
import { VirtualList } from '../parts/virtual-list.tsx';
import { KeyForm } from './keys/key-form.tsx';
import { KeyView, Standing } from './keys/key-view.tsx';

type Shown = { readonly kind: 'new' } | { readonly kind: 'secret'; readonly made: MadeKey } | null;

/** Who may use the gateway, and how much. */
export function KeysPage({ overview, rest }: PageProps) {
  const keys = useLoaded<{ readonly keys: readonly ShownKey[] }>(overview.hasKeys ? '/admin/keys' : null);
  const [shown, setShown] = useState<Shown>(null);
  const [wanted, setWanted] = useState('');
  const isNarrow = useIsNarrow('60rem');
  const making = useAction(async (settings: Readonly<Record<string, unknown>>) => {
    const made = await askJson<MadeKey>('/admin/keys', { body: settings });
    setShown({ kind: 'secret', made });
    keys.reload();
  });
  const showSecret = (made: MadeKey) => setShown({ kind: 'secret', made });
  if (!overview.hasKeys)
    return (
      <Page title="Keys & budgets">
        <Notice>
          This gateway asks for no key: whoever reaches it may use it. Give{' '}
          <code>{'keys: { state: gateway.db }'}</code> in its configuration (
          <code>docs/keys-and-budgets.md</code>), and keys are made and revoked here.
        </Notice>
      </Page>
    );
  return (
    <Page
      title="Keys & budgets"
      lead={
        rest === '' ? (
          'Who may use this gateway, how much a minute, and for how many dollars.'
        ) : (
          <a href="#/keys">← All keys</a>
        )
      }
      actions={
        rest === '' ? (
          <button type="button" class="button primary" onClick={() => setShown({ kind: 'new' })}>
            New key
          </button>
        ) : undefined
      }
    >
      {rest !== '' ? (
        <KeyView id={rest} overview={overview} onSecret={showSecret} />
      ) : (
        <LoadedView of={keys}>
          {({ keys: all }) =>
            all.length === 0 ? (
              <Notice>
                There is no key yet, so nobody can ask anything. Make the first one with{' '}
                <strong>New key</strong>, or by <code>npx pointsman keys create --name "my app"</code>.
              </Notice>
            ) : (
              <>
                <div class="row">
                  <label class="field grow">
                    <span class="hidden">Show only</span>
                    <input
                      class="input"
                      type="search"
                      placeholder="Show only: a name, an id, a tag …"
                      value={wanted}
                      onInput={(event) => setWanted(event.currentTarget.value)}
                    />
                  </label>
                  <span class="muted small" role="status">
                    {plural(all.length, 'key')}
                  </span>
                </div>
                <VirtualList
                  items={all.filter((key) => fits(key, wanted.toLowerCase()))}
                  keyOf={({ id }) => id}
                  rowHeight={isNarrow ? 62 : 48}
                  label="Keys"
                >
                  {(key) => <KeyRow keyOf={key} />}
                </VirtualList>
              </>
            )
          }
        </LoadedView>
      )}
      {shown?.kind === 'new' ? (
        <Dialog title="New key" onClose={() => setShown(null)}>
          <KeyForm
            overview={overview}
            error={making.error}
            isBusy={making.isBusy}
            onSave={making.run}
            onCancel={() => setShown(null)}
          />
        </Dialog>
      ) : null}
      {shown?.kind === 'secret' ? (
        <Dialog title={`The secret of "${shown.made.key.name}"`} onClose={() => setShown(null)}>
          <p>It is shown this once: only its hash is kept. Copy it now.</p>
          <code class="secret">{shown.made.secret}</code>
          <div class="row">
            <button
              type="button"
              class="button"
              onClick={() => navigator.clipboard?.writeText(shown.made.secret)}
            >
              Copy
            </button>
            <button type="button" class="button primary" onClick={() => setShown(null)}>
              I have it
            </button>
          </div>
        </Dialog>
      ) : null}
    </Page>
  );
}

function fits({ id, name, tags }: ShownKey, wanted: string): boolean {
  const texts = [id, name, ...Object.entries(tags).map(([tag, value]) => `${tag}=${value}`)];
  return wanted === '' || texts.some((text) => text.toLowerCase().includes(wanted));
}

const USE_AGAIN_MS = 10_000;

/** Of a long list, only those in sight ask what was used. */
function KeyRow({ keyOf: key }: { readonly keyOf: ShownKey }) {
  const usage = useLoaded<{ readonly days: readonly ShownUse[] }>(
    `/admin/keys/${key.id}/usage?days=1`,
    USE_AGAIN_MS,
  );
  const used = usage.data === null ? undefined : (usage.data.days[0]?.usd ?? 0);
  return (
    <a class="key-row" href={`#/keys/${key.id}`}>
      <span class="prompt">
        <Words of={key.name} />
      </span>
      <code class="who muted">
        pm-{key.id}-…{key.hint}
      </code>
      <span class="state">
        <Standing of={key} />
      </span>
      <span class="cost end muted">
        {used === undefined ? '' : `${formatUsd(used)} used today · `}
        {limitsOf(key)}
      </span>
    </a>
  );
}

function limitsOf({ budgetUsdPerDay, budgetUsdPerMonth, requestsPerMinute }: ShownKey): string {
  const limits = [
    ...(budgetUsdPerDay == null ? [] : [`${formatUsd(budgetUsdPerDay)} a day`]),
    ...(budgetUsdPerMonth == null ? [] : [`${formatUsd(budgetUsdPerMonth)} a month`]),
    ...(requestsPerMinute == null ? [] : [`${plural(requestsPerMinute, 'request')} a minute`]),
  ];
  return limits.length === 0 ? 'no limit' : limits.join(', ');
}
