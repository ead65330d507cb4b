import { InvalidInputError } from 'pointsman';
import { adviceOn } from '../logs/log-advice.ts';
import type { LogFormat } from '../logs/log-format.ts';
import { LOG_REASONS } from '../logs/log-reasons.ts';
import { countKinds, type RecordKind } from '../outcomes/count-records.ts';
import type { JudgeReport } from '../outcomes/judge-rows.ts';
import { FIELD_REASONS, type OutcomeField, REASONS } from '../outcomes/outcome-fields.ts';
import { PASSED_OVER } from '../outcomes/passed-over.ts';
import type { ScoreScale } from './score-scale.ts';

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
  /** As whose log each file was read. */
  readonly formats: readonly {
    readonly file: string;
    readonly format: LogFormat;
    readonly reason: string | null;
  }[];
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
  /** The same by what they say; a decision that its outcome was joined to is counted in the whole alone. */
  readonly joined: { readonly prompts: number; readonly outcomes: number; readonly scores: number };
  /** What the judge made of rows without a quality; null when there was none. */
  readonly judgement: JudgeReport | null;
  /** How qualities, scores and ratings were read. */
  readonly scoreScale: ScoreScale;
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
  /** Of these, answers of candidates that have prices, but no tokens; and answers with tokens of candidates that have none. */
  readonly costsWithout: { readonly tokens: number; readonly prices: number };
  /** Candidates that prices were given for, and that the whole table does not have. */
  readonly pricesOfNobody: readonly string[];
  /** Accepted rows that have no quality. */
  readonly qualitiesMissing: number;
  /** Of the accepted rows, in milliseconds as they were read; null where none has a latency. */
  readonly longestLatencyMs: number | null;
  /** Whether a table had no column of ids, so that the rows of one prompt are one request. */
  readonly idsFromPrompts: boolean;
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

/** Fewer rows than these stop nothing. */
const FEWEST_REJECTED = 10;

/** Reasons by which nothing is lost, however often they come. */
const HARMLESS: readonly string[] = [REASONS.duplicate];

/** Rows that were never meant to be in the table do not count; those that are in it do. */
const NOT_COUNTED = PASSED_OVER.filter((reason) => reason !== REASONS.inTable);

type Counted = Pick<IngestReport, 'joined' | 'rowsRead' | 'rejected' | 'passedOver'>;

/** One reason that rejects too many rows. */
export interface TooManyRejected {
  readonly worst: Rejection;
  /** Of how many rows, or records of its kind, that could have been taken. */
  readonly rows: number;
  readonly kind: RecordKind;
  /** What would let them be left out, as `maxRejected`. */
  readonly allowed: number;
}

/**
 * @param most largest share of the rows that one reason may reject
 * @returns null where none rejects more
 */
export function findTooManyRejected(report: Counted, most: number): TooManyRejected | null {
  for (const { kind, passedOver, rejected, total } of countKinds(report)) {
    const others = passedOver.filter(({ reason }) => NOT_COUNTED.includes(reason));
    const rows = others.reduce((left, { count }) => left - count, total);
    const worst = rejected.find(({ reason }) => !HARMLESS.includes(reason));
    if (worst === undefined || worst.count < FEWEST_REJECTED || worst.count <= most * rows) continue;
    return { worst, rows, kind, allowed: Math.min(1, Math.ceil((100 * worst.count) / rows + 1) / 100) };
  }
  return null;
}

/**
 * @param most largest share of the rows that one reason may reject
 * @param doubt what else may be wrong with them: a sentence without its full stop
 * @throws InvalidInputError where one rejects more
 */
export function refuseTooManyRejected(report: Counted, most: number, doubt: string | null): void {
  const found = findTooManyRejected(report, most);
  if (found === null) return;
  const { allowed, kind, rows, worst } = found;
  const share = `${Math.round((100 * worst.count) / rows)} %`;
  const places = worst.examples.slice(0, 3).map(({ file, line }) => `${file}:${line}`);
  const isScore = [FIELD_REASONS.quality, LOG_REASONS.scoreNotNumber, LOG_REASONS.scoreOutside].includes(
    worst.reason,
  );
  const isLabel = worst.reason.startsWith(LOG_REASONS.scoreLabel);
  // What is left of scores that could not be read is what happened to be understood: one end of their scale, say.
  const isMost = worst.count > rows / 2;
  const advice = adviceOn(worst.reason);
  const way =
    isLabel || (isScore && doubt !== null)
      ? 'Put numbers in the place of these scores, and leave empty what is no score.'
      : isMost
        ? (advice ?? 'Correct the rows or the options that read them: --format, --map, --score-range.')
        : `${advice === null ? '' : `${advice} `}Correct the rows or the options that read them; or let them be left out: --max-rejected ${allowed} (\`maxRejected\` in code, and under \`logs\` in a config).`;
  throw new InvalidInputError(
    `${worst.count.toLocaleString('en-US')} of ${rows.toLocaleString('en-US')} ${kind}s (${share}) were rejected for one reason, and more than ` +
      `${Number((100 * most).toPrecision(3))} % stop a run: ${worst.reason} (${places.join(', ')}${worst.count > places.length ? ', ...' : ''}). ` +
      `${isScore && doubt !== null ? `${doubt}. ` : ''}Nothing was written. ${way}`,
  );
}
