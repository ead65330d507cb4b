import { Html, html } from './html.ts';

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
