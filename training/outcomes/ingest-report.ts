import type { JudgeReport } from './judge-rows.ts';
import type { OutcomeField } from './outcome-fields.ts';

/** Rows turned down for one reason. */
export interface Rejection {
  readonly reason: string;
  readonly count: number;
  /** The first few. In Parquet and Arrow files, a row's number from 1 is its line. */
  readonly examples: readonly { readonly file: string; readonly line: number }[];
}

/** What became of every row of an ingest: `rowsRead` is `rowsAccepted` plus the counts of `rejected` and `passedOver`. */
export interface IngestReport {
  readonly files: readonly string[];
  readonly rowsRead: number;
  readonly rowsAccepted: number;
  /** By count, the commonest first. */
  readonly rejected: readonly Rejection[];
  /** Records that are fine and are no new row: no answer of a model, or in the table already. As `rejected`. */
  readonly passedOver: readonly Rejection[];
  /**
   * Values that cannot be, or were not seen, and are taken as not known; the rows that they are of are accepted, and
   * counted there. As `rejected`; those of the table that was there have no examples.
   */
  readonly valuesIgnored: readonly Rejection[];
  /** Records of a log that became part of another's row: outcomes, feedback, scores, prompts kept apart. */
  readonly recordsJoined: number;
  /** What the judge made of rows without a quality; null when there was none. */
  readonly judgement: JudgeReport | null;
  /** With `append`, rows of the table that got a quality or an outcome. */
  readonly rowsUpdated: number;
  /** Rows of the whole table: with `append`, those that were there too. */
  readonly rowsInTable: number;
  /** Null cells of wide files: that candidate was not asked. They are no rows. */
  readonly cellsNotObserved: number;
  /** Fields read from columns of another name. */
  readonly aliases: Readonly<Partial<Record<OutcomeField, readonly string[]>>>;
  /** Columns that nothing was read from. */
  readonly ignoredColumns: readonly string[];
  /** Rows whose cost was computed from tokens and prices. */
  readonly costsDerived: number;
  /** With `append`, rows of the table whose cost was computed by other prices, and is by those given now. */
  readonly costsRepriced: number;
  /** Accepted rows that have no cost. */
  readonly costsMissing: number;
  /** Of the whole table. Sorted. */
  readonly candidates: readonly string[];
  /** Distinct request ids of the whole table. */
  readonly prompts: number;
  /**
   * Request ids that came with other prompts. An id with other words is another request: all but the first got ids of
   * their own, `<id>#<hash of the prompt>`.
   */
  readonly repeatedIds: number;
  /** Request ids whose rows say the same words in other forms or under other instructions; the matrix takes the text of the first candidate by name. */
  readonly promptsWithConflictingText: number;
  /** sha256 over the accepted rows in order of (requestId, candidate): the same for any file order and format. */
  readonly fingerprint: string;
}
