import { type Html, html } from './html.ts';

export interface TableColumn<Row> {
  readonly heading: string;
  readonly cell: (row: Row) => Html | string;
  /** Left-aligned; sentences are given some width. @default false */
  readonly text?: boolean | 'sentences';
}

/**
 * A table that scrolls sideways in a box of its own on narrow screens, by keyboard too. The first column heads each row
 * and stays where it is; what is over the table does not scroll with it.
 */
export function scrollTable<Row>(
  caption: string,
  rows: readonly Row[],
  columns: readonly TableColumn<Row>[],
  rowClass: (row: Row) => string = () => '',
): Html {
  const kind = ({ text = false }: TableColumn<Row>) =>
    text === 'sentences' ? 'text sentences' : text ? 'text' : '';
  return html`<p class="caption" aria-hidden="true">${caption}</p>
<div class="scroll" role="region" aria-label="${caption}" tabindex="0"><table aria-label="${caption}">
<thead><tr>${columns.map((column) => html`<th scope="col" class="${kind(column)}">${column.heading}</th>`)}</tr></thead>
<tbody>${rows.map(
    (row) =>
      html`<tr class="${rowClass(row)}">${columns.map((column, i) =>
        i === 0
          ? html`<th scope="row">${column.cell(row)}</th>`
          : html`<td class="${kind(column)}">${column.cell(row)}</td>`,
      )}</tr>
`,
  )}</tbody></table></div>`;
}
