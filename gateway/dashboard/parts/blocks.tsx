import type { ComponentChildren } from 'preact';
import type { Loaded } from '../api/use-loaded.ts';
import { withoutTurns } from './format.ts';

interface PageProps {
  readonly title: string;
  readonly lead?: ComponentChildren;
  /** What stands on the right of the title. */
  readonly actions?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** A page: what it is called, what it is about, what can be done, and the rest. */
export function Page({ actions, children, lead, title }: PageProps) {
  return (
    <div class="page">
      <header class="page-head">
        <div>
          <h1>{title}</h1>
          {lead === undefined ? null : <p>{lead}</p>}
        </div>
        {actions === undefined ? null : <div class="row">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

interface CardProps {
  readonly title?: string;
  readonly note?: ComponentChildren;
  readonly children: ComponentChildren;
}

export function Card({ children, note, title }: CardProps) {
  return (
    <section class="card">
      {title === undefined ? null : <h2>{title}</h2>}
      {note === undefined ? null : <p class="muted small">{note}</p>}
      {children}
    </section>
  );
}

export interface FigureProps {
  readonly name: string;
  readonly value: string;
  readonly note?: string | undefined;
}

/** A number with its name. Several stand in a `<dl class="figures">`. */
export function Figure({ name, note, value }: FigureProps) {
  return (
    <div class="figure">
      <dt>{name}</dt>
      <dd>{value}</dd>
      {note === undefined ? null : <dd class="note">{note}</dd>}
    </div>
  );
}

/** Words of somebody else, in whichever direction they are written: nothing around them is turned by them. */
export function Words({ of }: { readonly of: string }) {
  return <bdi>{withoutTurns(of)}</bdi>;
}

type Tone = 'good' | 'warn' | 'bad' | 'accent';

export function Badge({
  children,
  tone,
}: {
  readonly children: ComponentChildren;
  readonly tone?: Tone | undefined;
}) {
  return <span class={`badge ${tone ?? ''}`}>{children}</span>;
}

/** Says in a sentence what is not there, and what to do. */
export function Notice({
  children,
  tone,
}: {
  readonly children: ComponentChildren;
  readonly tone?: 'warn' | 'bad';
}) {
  return (
    <div class={`notice ${tone ?? ''}`} role={tone === 'bad' ? 'alert' : 'status'}>
      {children}
    </div>
  );
}

/** @param share 0 to 1 */
export function Bar({ isDim = false, share }: { readonly share: number; readonly isDim?: boolean }) {
  return (
    <span class={isDim ? 'bar dim' : 'bar'} aria-hidden="true">
      <i style={{ width: `${100 * Math.min(1, Math.max(0, share))}%` }} />
    </span>
  );
}

/** An amount in a table, and its interval below it. @param of as `formatInterval` gives it */
export function Amount({ of }: { readonly of: string }) {
  const at = of.search(/ [[(]/);
  if (at === -1) return <span>{of}</span>;
  return (
    <>
      {of.slice(0, at)} <span class="interval">{of.slice(at + 1)}</span>
    </>
  );
}

interface ScrollTableProps {
  /** Names it to those who do not see it. */
  readonly label: string;
  readonly children: ComponentChildren;
}

/** A table that may be wider than the page. */
export function ScrollTable({ children, label }: ScrollTableProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
    <section class="scroll" aria-label={label} tabIndex={0}>
      <table class="table">{children}</table>
    </section>
  );
}

interface LoadedViewProps<T> {
  readonly of: Loaded<T>;
  readonly children: (data: T) => ComponentChildren;
}

/** What was loaded; before, that it is being loaded; or why it could not be. */
export function LoadedView<T>({ children, of: { data, error } }: LoadedViewProps<T>) {
  return (
    <>
      {error === null ? null : <Notice tone="bad">{error.message}</Notice>}
      {data !== null ? children(data) : error === null ? <p class="muted">Loading …</p> : null}
    </>
  );
}
