import type { Prices } from '../../../../../training/outcomes/amounts.ts';

/** One record of a log, and what becomes of it. */
export interface RecordCase {
  /** What the record shows, to end a sentence. */
  readonly title: string;
  readonly record: object;
  /** Further records that belong to it, such as scores. */
  readonly further?: readonly object[];
  /** Id of its row. @default the record's own */
  readonly requestId?: string;
  /** Fields of the row; undefined where it must have none. */
  readonly row?: Readonly<Record<string, unknown>>;
  /** Or why it is none. */
  readonly refused?: string;
  /** Why a further record is none. */
  readonly furtherRefused?: string;
}

/** Records that are one case together: several files, or several records of one request. */
export interface JoinCase {
  readonly title: string;
  /** Records of each file, or its content. */
  readonly files: Readonly<Record<string, readonly object[] | string>>;
  /** Rows by their ids; each must be there, and no other. */
  readonly rows: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** How many records were counted for each reason. */
  readonly refused?: Readonly<Record<string, number>>;
  readonly joined?: number;
  readonly map?: Readonly<Record<string, string>>;
  /** Whether it is read again, the files in the other order, and must change nothing. @default false */
  readonly again?: boolean;
}

export interface FormatCases {
  /** For all of the records. */
  readonly prices?: Prices;
  readonly score?: string;
  readonly records: readonly RecordCase[];
  readonly joins?: readonly JoinCase[];
}

/** Stands for a value of 5,000 levels, which JavaScript's own writer of JSON cannot write. */
export const DEEP = 'a value of 5,000 levels';
const LEVELS = 5000;

/** The records of a log, one a line. */
export function logLines(records: readonly object[]): string {
  const deep = `${'['.repeat(LEVELS)}"Hi"${']'.repeat(LEVELS)}`;
  return records.map((record) => `${JSON.stringify(record).replaceAll(`"${DEEP}"`, deep)}\n`).join('');
}
