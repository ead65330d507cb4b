import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { cleanText } from '../words.ts';

/** Markup that is safe to put into a page as it is. */
export class Html {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }
}

type HtmlValue = Html | string | number | null | undefined | false | readonly HtmlValue[];

/**
 * Template tag: text is escaped, `Html` is not, lists are joined, null, undefined and false are nothing. Values
 * may stand in text and inside double-quoted attributes.
 */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  let markup = strings[0];
  values.forEach((value, i) => {
    markup += render(value) + strings[i + 1];
  });
  return new Html(markup);
}

function render(value: HtmlValue): string {
  if (value === null || value === undefined || value === false) return '';
  if (value instanceof Html) return value.markup;
  if (typeof value === 'object') return value.map(render).join('');
  return escapeText(String(value));
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeText(text: string): string {
  return cleanText(text).replace(/[&<>"']/g, (character) => ENTITIES[character]);
}

interface FigureOptions extends Omit<Plot.PlotOptions, 'caption' | 'width' | 'height'> {
  /** Pixels of the drawing; the page scales it. */
  readonly width: number;
  readonly height: number;
  /** Says in a sentence what is to be seen, for those who cannot see it. */
  readonly description: string;
  /** Pixels. @default 13 */
  readonly fontSize?: number;
  /** Under the figure. */
  readonly caption?: Html | string;
}

/** Draws with Observable Plot on a document of its own, and gives the figure as markup. */
export function drawFigure({ caption, description, fontSize = 13, ...options }: FigureOptions): Html {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const svg = Plot.plot({
    ...options,
    document,
    ariaLabel: description,
  });
  svg.setAttribute('role', 'img');
  svg.setAttribute('font-size', String(fontSize));
  // The page's own style sheet does what Plot's would.
  svg.querySelector('style')?.remove();
  return html`<figure>${new Html(svg.outerHTML)}${caption && html`<figcaption>${caption}</figcaption>`}</figure>`;
}

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

export interface TableColumn<Row> {
  readonly heading: string;
  readonly cell: (row: Row) => Html | string;
  /** Left-aligned; sentences are given some width. @default false */
  readonly text?: boolean | 'sentences';
}

/** More columns than this are not read side by side on a phone. */
const FEW_COLUMNS = 3;

/**
 * A table. An interval goes below its figure where room is short; on a phone a row of many columns becomes a block, one line
 * a column with its heading. What is too wide even so scrolls sideways in a box of its own, by keyboard too, and the first
 * column, which heads each row, stays where it is.
 */
export function scrollTable<Row>(
  caption: string,
  rows: readonly Row[],
  columns: readonly TableColumn<Row>[],
  rowClass: (row: Row) => string = () => '',
): Html {
  const kind = ({ text = false }: TableColumn<Row>) =>
    text === 'sentences' ? 'text sentences' : text ? 'text' : '';
  const stacks = columns.length > FEW_COLUMNS || columns.some(({ text }) => text === 'sentences');
  return html`<p class="caption" aria-hidden="true">${caption}</p>
<div class="scroll" role="region" aria-label="${caption}" tabindex="0"><table${stacks && new Html(' class="stacks"')} aria-label="${caption}">
<thead><tr>${columns.map((column) => html`<th scope="col" class="${kind(column)}">${column.heading}</th>`)}</tr></thead>
<tbody>${rows.map(
    (row) =>
      html`<tr class="${rowClass(row)}">${columns.map((column, i) =>
        i === 0
          ? html`<th scope="row">${column.cell(row)}</th>`
          : html`<td class="${kind(column)}" data-heading="${column.heading}"><div>${breakBefore(html`${column.cell(row)}`)}</div></td>`,
      )}</tr>
`,
  )}</tbody></table></div>`;
}

/** Lets a line end before a bracket, and nowhere else in a figure: "54.3 (51.0 to 57.6)". Tags are passed over. */
function breakBefore({ markup }: Html): Html {
  return new Html(
    markup.replace(/<[^>]*>| \(/g, (found) => (found === ' (' ? '<span class="gap"> </span>(' : found)),
  );
}
