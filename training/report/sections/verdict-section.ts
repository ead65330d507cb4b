import type { Verdict } from '../../evaluate/evaluation.ts';
import { type Html, html } from '../html.ts';

/** The sentence a reader came for, and what to know before trusting it. */
export function verdictSection({ caveats, outcome, sentence }: Verdict): Html {
  return html`<section class="verdict ${outcome}"><p>${sentence}</p>${
    caveats.length > 0 && html`<ul>${caveats.map((caveat) => html`<li>${caveat}</li>`)}</ul>`
  }</section>`;
}
