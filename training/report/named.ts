import { type Html, html } from './html.ts';

/** A name by its short form, in full where a pointer rests on it. @param short of `shortNames` */
export function named(name: string, short: ReadonlyMap<string, string>): Html {
  const own = short.get(name) ?? name;
  return own === name ? html`<bdi>${own}</bdi>` : html`<bdi title="${name}">${own}</bdi>`;
}

/** What short names stand for, for a figure without room for them; null where all stand in full. */
export function inFull(short: ReadonlyMap<string, string>): Html | null {
  const cut = [...short].filter(([name, own]) => own !== name);
  if (cut.length === 0) return null;
  return html`<p class="note">In full: ${cut.map(([name, own], i) => html`${i > 0 && '; '}<bdi>${own}</bdi> is <bdi>${name}</bdi>`)}.</p>`;
}
