import type { OutcomeField } from './outcome-fields.ts';

/** How one file carries outcomes: what is read for each field, and where the candidates are. */
export interface SourceLayout {
  /**
   * `long`: a row per (request, candidate). `wide`: a row per request with an object of cells by candidate.
   * `paired`: RouterBench's columns, `<candidate>` (quality) and `<candidate>|total_cost`.
   */
  readonly form: 'long' | 'wide' | 'paired';
  /** JSON paths to try in turn, by field. In wide form, those of the request. */
  readonly paths: ReadonlyMap<OutcomeField, readonly string[]>;
  /** JSON paths inside a cell of the wide form. */
  readonly cellPaths: ReadonlyMap<OutcomeField, readonly string[]>;
  /** JSON path of the object of cells. */
  readonly cells: string | null;
  /** Fields read under another name, and the names. */
  readonly aliases: Readonly<Partial<Record<OutcomeField, readonly string[]>>>;
  readonly columns: readonly string[];
  readonly ignoredColumns: readonly string[];
  /** Left-hand sides of the column map that this file has. */
  readonly mapped: readonly string[];
  /** Whether there is no column of ids, so that the rows of one prompt are one request. @default false */
  readonly idsOfPrompts?: boolean;
}
