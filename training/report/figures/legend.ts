import { Html, html } from '../html.ts';

/** A key of a figure: a line or a mark, and what it stands for. */
export interface LegendEntry {
  readonly label: string;
  readonly colour: string;
  readonly kind: 'line' | 'dashed' | 'dotted' | 'dot' | 'ring' | 'diamond' | 'triangle' | 'cross' | 'square';
}

export function legend(entries: readonly LegendEntry[]): Html {
  return html`<ul class="legend">${entries.map(
    (entry) => html`<li>${new Html(swatch(entry))}${entry.label}</li>`,
  )}</ul>`;
}

function swatch({ colour, kind }: LegendEntry): string {
  const shape = {
    line: `<path d="M1 7H23" stroke="${colour}" stroke-width="2.5"/>`,
    dashed: `<path d="M1 7H23" stroke="${colour}" stroke-width="2" stroke-dasharray="6 4"/>`,
    dotted: `<path d="M1 7H23" stroke="${colour}" stroke-width="2" stroke-dasharray="2 3"/>`,
    dot: `<circle cx="12" cy="7" r="5.5" fill="${colour}"/>`,
    ring: `<circle cx="12" cy="7" r="4.5" fill="none" stroke="${colour}" stroke-width="2"/>`,
    diamond: `<path d="M12 1L18 7L12 13L6 7Z" fill="${colour}"/>`,
    triangle: `<path d="M12 1L18 12H6Z" fill="${colour}"/>`,
    cross: `<path d="M7 2L17 12M17 2L7 12" stroke="${colour}" stroke-width="2"/>`,
    square: `<path d="M7 2H17V12H7Z" fill="${colour}"/>`,
  }[kind];
  return `<svg viewBox="0 0 24 14" aria-hidden="true">${shape}</svg>`;
}
