import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Overview } from '../admin/standing-area.ts';
import { setAdminToken } from './api/client.ts';
import { useLoaded } from './api/use-loaded.ts';
import { DecisionPage } from './pages/decision.tsx';
import { DriftPage } from './pages/drift.tsx';
import { KeysPage } from './pages/keys.tsx';
import { LivePage } from './pages/live.tsx';
import { PlaygroundPage } from './pages/playground.tsx';
import { QualityPage } from './pages/quality.tsx';
import { SavingsPage } from './pages/savings.tsx';
import { UpstreamsPage } from './pages/upstreams.tsx';
import { VersionsPage } from './pages/versions.tsx';
import { WhatIfPage } from './pages/what-if.tsx';
import { Notice } from './parts/blocks.tsx';
import type { PageProps } from './parts/page-props.ts';

interface Route {
  readonly title: string;
  readonly page: ComponentType<PageProps>;
  /** The page of the menu that it belongs to: it is not there by itself. */
  readonly under?: string;
}

const FIRST = 'live';

const ROUTES: Readonly<Record<string, Route>> = {
  live: { title: 'Live', page: LivePage },
  decision: { title: 'Decision', page: DecisionPage, under: FIRST },
  savings: { title: 'Savings', page: SavingsPage },
  quality: { title: 'Quality', page: QualityPage },
  drift: { title: 'Drift', page: DriftPage },
  versions: { title: 'Versions', page: VersionsPage },
  'what-if': { title: 'What if', page: WhatIfPage },
  playground: { title: 'Playground', page: PlaygroundPage },
  keys: { title: 'Keys & budgets', page: KeysPage },
  upstreams: { title: 'Upstreams', page: UpstreamsPage },
};

/** The dashboard: the menu, and the page that the address names. */
export function App() {
  const address = useHash();
  const overview = useLoaded<Overview>('/admin/overview', 10_000);
  const name = Object.hasOwn(ROUTES, address.name) ? address.name : FIRST;
  const { page: Shown, title, under } = ROUTES[name] as Route;
  useEffect(() => {
    document.title = `${title} · Pointsman`;
    // On a narrow screen the menu is longer than the screen is wide.
    document.querySelector('.nav [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [title]);
  if (overview.error?.status === 401)
    return <Gate reason={overview.error.message} onToken={overview.reload} />;
  return (
    <div class="shell">
      <header class="side">
        <a class="skip" href={`#/${name}`} onClick={focusMain}>
          To the page
        </a>
        <Brand />
        <nav class="nav" aria-label="Pages">
          <ul>
            {Object.entries(ROUTES)
              .filter(([, route]) => route.under === undefined)
              .map(([key, route]) => (
                <li key={key}>
                  <a
                    href={`#/${key}`}
                    aria-current={key === name ? 'page' : key === under ? 'true' : undefined}
                  >
                    {route.title}
                  </a>
                </li>
              ))}
          </ul>
        </nav>
      </header>
      <main class="main" id="main" tabIndex={-1}>
        {overview.error !== null ? (
          <Notice tone="bad">{overview.error.message}</Notice>
        ) : overview.data === null ? (
          <p class="muted">Loading …</p>
        ) : (
          <Shown key={`${name}/${address.rest}`} overview={overview.data} rest={address.rest} />
        )}
      </main>
    </div>
  );
}

function focusMain(event: Event) {
  event.preventDefault();
  document.getElementById('main')?.focus();
}

function Brand() {
  return (
    <div class="brand">
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <path
          d="M5 16h8c6 0 6-8 14-8M13 16c6 0 6 8 14 8"
          fill="none"
          stroke-width="3.5"
          stroke-linecap="round"
        />
      </svg>
      Pointsman
    </div>
  );
}

/** Asks for the admin token, which is kept in this tab alone. */
function Gate({ onToken, reason }: { readonly reason: string; readonly onToken: () => void }) {
  const [token, setToken] = useState('');
  const [isAsked, setAsked] = useState(false);
  return (
    <main class="gate">
      <form
        class="card stack"
        onSubmit={(event) => {
          event.preventDefault();
          setAdminToken(token);
          setAsked(true);
          onToken();
        }}
      >
        <Brand />
        <h1>Who looks after this gateway?</h1>
        <label class="field">
          <span>Admin token</span>
          <input
            class="input"
            type="password"
            autocomplete="off"
            value={token}
            onInput={(event) => setToken(event.currentTarget.value)}
            required
          />
          <small>It is kept until this tab is closed, and sent to this gateway alone.</small>
        </label>
        {isAsked ? <Notice tone="bad">{reason}</Notice> : null}
        <button type="submit" class="button primary">
          Open
        </button>
      </form>
    </main>
  );
}

/** `#/decision/dec_1` is the page `decision` with the rest `dec_1`. */
function useHash(): { readonly name: string; readonly rest: string } {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const look = () => setHash(location.hash);
    addEventListener('hashchange', look);
    return () => removeEventListener('hashchange', look);
  }, []);
  const [, name = '', ...rest] = hash.split('/');
  return { name: name === '' ? FIRST : name, rest: rest.map(decodeURIComponent).join('/') };
}
