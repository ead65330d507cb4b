import { type Html, html } from './html.ts';

export interface TableColumn<Row> {
  readonly heading: string;
  readonly cell: (row: Row) => Html | string;
  /** Left-aligned. @default false */
  readonly text?: boolean;
}

/** A table that scrolls sideways on narrow screens, by keyboard too. The first column heads each row. */
export function scrollTable<Row>(
  caption: string,
  rows: readonly Row[],
  columns: readonly TableColumn<Row>[],
  rowClass: (row: Row) => string = () => '',
): Html {
  const kind = (column: TableColumn<Row>) => (column.text ? 'text' : '');
  return html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0"><table><caption>${caption}</caption>
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
