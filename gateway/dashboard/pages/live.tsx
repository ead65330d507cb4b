import { useState } from 'preact/hooks';
import type { LiveRow } from '../../admin/live-area.ts';
import { type Live, useLiveRows } from '../api/live-rows.ts';
import { Badge, Notice, Page, Words } from '../parts/blocks.tsx';
import { formatMs, formatPercent, formatTime, formatUsd, plural } from '../parts/format.ts';
import { useIsNarrow } from '../parts/use-is-narrow.ts';
import { VirtualList } from '../parts/virtual-list.tsx';

/** Decisions as they come. */
export function LivePage() {
  const live = useLiveRows();
  const [isPaused, setPaused] = useState(false);
  const [held, setHeld] = useState<readonly LiveRow[] | null>(null);
  const [wanted, setWanted] = useState('');
  const isNarrow = useIsNarrow('60rem');
  const hold = (isHeld: boolean) => setHeld((before) => (isHeld ? (before ?? live.rows) : null));
  const shown = held ?? live.rows;
  const rows = wanted === '' ? shown : shown.filter((row) => fits(row, wanted.toLowerCase()));
  const waiting =
    held === null
      ? 0
      : Math.max(
          0,
          live.rows.findIndex(({ id }) => id === held[0]?.id),
        );
  return (
    <Page
      title="Live"
      lead="Decisions as they are made, the newest first."
      actions={
        <>
          <Badge tone={live.state === 'watching' ? 'good' : 'warn'}>{STATES[live.state]}</Badge>
          <button
            type="button"
            class="button"
            aria-pressed={isPaused}
            onClick={() => {
              setPaused(!isPaused);
              hold(!isPaused);
            }}
          >
            {isPaused ? 'Go on' : 'Pause'}
          </button>
        </>
      }
    >
      <div class="row">
        <label class="field grow">
          <span class="hidden">Show only</span>
          <input
            class="input"
            type="search"
            placeholder="Show only: a candidate, a router, a word of the prompt …"
            value={wanted}
            onInput={(event) => setWanted(event.currentTarget.value)}
          />
        </label>
        <span class="muted small num" role="status">
          {summaryOf(live, rows.length, waiting)}
        </span>
      </div>
      {live.error === null ? null : <Notice tone="bad">{live.error.message}</Notice>}
      {live.rows.length === 0 && live.state === 'watching' ? (
        <Notice>
          No decision has been made since the gateway started. Send one: <code>POST /v1/route</code>, or use
          the <a href="#/playground">playground</a>.
        </Notice>
      ) : (
        <>
          <div class="live-head" aria-hidden="true">
            <span>Made at</span>
            <span>Prompt</span>
            <span>Candidate</span>
            <span>State</span>
            <span class="end">Cost</span>
            <span class="end">Took</span>
            <span class="end">Rated</span>
          </div>
          <VirtualList
            items={rows}
            keyOf={({ id }) => id}
            rowHeight={isNarrow ? 62 : 44}
            label="Decisions"
            onScroll={(top) => {
              if (!isPaused) hold(top > 0);
            }}
          >
            {(row) => <Row row={row} />}
          </VirtualList>
        </>
      )}
    </Page>
  );
}

const STATES: Readonly<Record<Live['state'], string>> = {
  connecting: 'Connecting',
  watching: 'Watching',
  lost: 'Connection lost',
};

function fits({ asked, candidate, chosen, prompt, router, state }: LiveRow, wanted: string): boolean {
  return [asked, candidate, chosen, prompt, router, state].some((text) =>
    text?.toLowerCase().includes(wanted),
  );
}

function summaryOf({ leftOut, rows }: Live, shown: number, waiting: number): string {
  return [
    shown === rows.length ? plural(shown, 'decision') : `${shown} of ${plural(rows.length, 'decision')}`,
    ...(waiting > 0 ? [`${waiting} more at the top`] : []),
    ...(leftOut > 0 ? [`${plural(leftOut, 'change')} came too fast to be shown`] : []),
  ].join(' · ');
}

function Row({ row }: { readonly row: LiveRow }) {
  const { at, candidate, chosen, costUsd, id, latencyMs, prompt, quality, state } = row;
  return (
    <a href={`#/decision/${id}`}>
      <span class="when muted">{formatTime(at)}</span>
      <span class="prompt">
        {prompt === null ? <span class="muted">(words are not kept)</span> : <Words of={prompt} />}
      </span>
      <span class="who">{candidate ?? chosen}</span>
      <span class="state">
        <StateBadge row={row} />
      </span>
      <span class="cost end">{state === 'decided' ? '' : formatUsd(costUsd)}</span>
      <span class="took end muted">{formatMs(latencyMs)}</span>
      <span class="rated end">{quality === null ? '' : formatPercent(quality)}</span>
    </a>
  );
}

function StateBadge({ row: { attempts, isExplored, state } }: { readonly row: LiveRow }) {
  if (state === 'failed') return <Badge tone="bad">failed</Badge>;
  if (state === 'refused') return <Badge tone="warn">refused</Badge>;
  if (state === 'left') return <Badge tone="warn">client left</Badge>;
  if (state === 'running') return <Badge tone="accent">under way</Badge>;
  if (attempts > 1) return <Badge tone="warn">{plural(attempts, 'attempt')}</Badge>;
  if (isExplored) return <Badge tone="accent">explored</Badge>;
  return <Badge tone={state === 'answered' ? 'good' : undefined}>{state}</Badge>;
}
