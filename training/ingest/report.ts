import { InvalidInputError } from 'pointsman';
import { comparisonsOf, isByPreference, type OutcomeMatrix } from '../outcomes/matrix.ts';
import { FIELD_REASONS, type OutcomeField, REASONS } from '../outcomes/outcome.ts';
import type { Splits } from '../split/split.ts';
import { plural } from '../words.ts';
import type { AnswersReport } from './finish.ts';
import { adviceOn, type LogFormat } from './formats/log-formats.ts';
import type { JudgeReport } from './judge.ts';
import { LOG_REASONS } from './record/format.ts';
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
  /** What is known of answers, in rows of the whole table. */
  readonly answers: AnswersReport;
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

/** Reasons that say nothing against a record: it is no answer of a model, or is there already. */
export const PASSED_OVER: readonly string[] = [
  REASONS.inTable,
  LOG_REASONS.noCall,
  LOG_REASONS.unanswered,
  LOG_REASONS.promptKnown,
  LOG_REASONS.scoreOfOther,
  LOG_REASONS.scoreInWords,
  LOG_REASONS.otherScore,
  LOG_REASONS.bookkeeping,
];

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

/** What a record of a log may be: an answer of a candidate, or something that belongs to one. */
export type RecordKind = 'row' | 'score' | 'outcome' | 'prompt';

/** Reasons that only records of another kind than rows are given. */
const KINDS: Readonly<Partial<Record<string, RecordKind>>> = {
  [LOG_REASONS.scoreWithoutCall]: 'score',
  [LOG_REASONS.scoreNotNumber]: 'score',
  [LOG_REASONS.scoreOutside]: 'score',
  [LOG_REASONS.scoreOfOther]: 'score',
  [LOG_REASONS.scoreInWords]: 'score',
  [LOG_REASONS.otherScore]: 'score',
  [LOG_REASONS.ambiguousId]: 'score',
  [LOG_REASONS.outcomeWithoutDecision]: 'outcome',
  [LOG_REASONS.unanswered]: 'prompt',
  [LOG_REASONS.promptKnown]: 'prompt',
};

function kindOfReason(reason: string): RecordKind {
  return reason.startsWith(LOG_REASONS.scoreLabel) ? 'score' : (KINDS[reason] ?? 'row');
}

/** Records of one kind, and what became of them. */
interface KindCount {
  readonly kind: RecordKind;
  /** All of them: taken, rejected or passed over. */
  readonly total: number;
  readonly rejected: readonly Rejection[];
  readonly passedOver: readonly Rejection[];
}

/** Counts what was read kind by kind: a score that was turned down is no row that was. */
export function countKinds({
  joined,
  passedOver,
  rejected,
  rowsRead,
}: Pick<IngestReport, 'joined' | 'passedOver' | 'rejected' | 'rowsRead'>): KindCount[] {
  const of = (list: readonly Rejection[], kind: RecordKind) =>
    list.filter(({ reason }) => kindOfReason(reason) === kind);
  const sum = (list: readonly Rejection[]): number => list.reduce((all, { count }) => all + count, 0);
  const taken = { score: joined.scores, outcome: joined.outcomes, prompt: joined.prompts };
  const others = (['score', 'outcome', 'prompt'] as const).map(
    (kind): KindCount & { readonly lost: number } => {
      const lists = { rejected: of(rejected, kind), passedOver: of(passedOver, kind) };
      const lost = sum(lists.rejected) + sum(lists.passedOver);
      return { kind, lost, total: taken[kind] + lost, ...lists };
    },
  );
  const rows = others.reduce((left, { lost }) => left - lost, rowsRead);
  return [
    { kind: 'row', total: rows, rejected: of(rejected, 'row'), passedOver: of(passedOver, 'row') },
    ...others.map(({ lost: _, ...kind }) => kind),
  ];
}

/** Fewer prompts than these teach nothing that could be told from chance. */
export const FEWEST_PROMPTS = 50;
export const FEWEST_IN_SPLIT = 8;

/** What a manifest may name. */
const MOST_CANDIDATES = 1000;
const LONGEST_NAME = 200;

/**
 * Refuses traffic that no router can be learned from, and says what is missing.
 * @param ingest how it was read: what was lost there may be what is missing
 * @throws InvalidInputError
 */
export function checkTraffic({ candidates, prompts, quality }: OutcomeMatrix, ingest?: IngestReport): void {
  checkNames(candidates);
  const scored = scoresOf(quality, candidates.length);
  const withScores = candidates.filter((_, c) => scored[c] > 0);
  if (withScores.length === 0) {
    throw new InvalidInputError(
      `Training needs to know how good the answers were: \`quality\`, 0 to 1. None of ${prompts.length} prompts has it. ` +
        `${qualityAdvice(ingest?.formats)}.${rejectedRows(ingest)}`,
    );
  }
  if (withScores.length < 2) {
    throw new InvalidInputError(
      `Training needs at least 2 candidates with a quality score to choose among. Got 1: ${withScores[0]}. ` +
        `Add answers of another candidate, best of all to the same prompts.${rejectedRows(ingest)}`,
    );
  }
  let known = 0;
  for (let row = 0; row < prompts.length; row++) {
    const from = row * candidates.length;
    if (quality.subarray(from, from + candidates.length).some((value) => !Number.isNaN(value))) known++;
  }
  if (known < FEWEST_PROMPTS) {
    throw new InvalidInputError(
      `Training needs at least ${FEWEST_PROMPTS} prompts with a quality score, and some 1,000 for a router that can be ` +
        `trusted. Got ${known}. Collect more traffic.${rejectedRows(ingest)}`,
    );
  }
}

/**
 * Refuses traffic of comparisons alone where scores are needed.
 * @param what needs them, as "The gate"
 * @throws InvalidInputError
 */
export function checkScores(matrix: OutcomeMatrix, what: string): void {
  if (!isByPreference(matrix)) return;
  throw new InvalidInputError(
    `${what} needs scores of single answers: \`quality\`, 0 to 1. Got ${plural(comparisonsOf(matrix).length, 'comparison')} of two answers and no score: they say which is ` +
      'better, and not how good either is. Add scored traffic; train and evaluate do with preferences alone.',
  );
}

/** Before anything is fitted: a manifest takes no more, and no other. */
function checkNames(candidates: readonly string[]): void {
  if (candidates.length > MOST_CANDIDATES) {
    throw new InvalidInputError(
      `A router chooses among at most ${MOST_CANDIDATES.toLocaleString('en-US')} candidates. Got ${candidates.length.toLocaleString('en-US')}, ` +
        `such as ${candidates.slice(0, 3).join(', ')}. The candidate of a row is the name of a model, not an id: name its column with --map candidate=...`,
    );
  }
  const odd = candidates.find((name) => name.length === 0 || name.length > LONGEST_NAME);
  if (odd === undefined) return;
  throw new InvalidInputError(
    `The name of a candidate must have 1 to ${LONGEST_NAME} characters. Got ${odd.length === 0 ? 'none' : `${odd.length}: ${odd.slice(0, 60)}...`} ` +
      'Name the column of models with --map candidate=...',
  );
}

/** What of the traffic could not be used, and why; nothing where all of it could. */
function rejectedRows(ingest: IngestReport | undefined): string {
  const rejected = ingest?.rejected ?? [];
  if (ingest === undefined || rejected.length === 0) return '';
  const why = rejected.slice(0, 5).map(({ count: times, examples: [{ file, line }], reason }) => {
    return `${times.toLocaleString('en-US')} × ${reason} (${file}:${line})`;
  });
  const counts = countKinds(ingest).flatMap(({ kind, rejected: own, total }) => {
    const count = own.reduce((sum, each) => sum + each.count, 0);
    return count === 0 ? [] : [`${count.toLocaleString('en-US')} of ${plural(total, kind)}`];
  });
  return (
    ` ${counts.join(' and ')} were rejected: ${why.join('; ')}` +
    `${rejected.length > why.length ? '; ...' : ''}.`
  );
}

/**
 * Refuses splits too small to be of use: near-duplicates share a split, and say no more than one of them.
 * @param groups near-duplicate group of each prompt @throws InvalidInputError
 */
export function checkSplits({ fit, calibrate, test }: Splits, groups: Int32Array): void {
  const sizes = [fit, calibrate, test].map(({ rows }) => new Set(rows.map((row) => groups[row])).size);
  if (sizes.every((size) => size >= FEWEST_IN_SPLIT)) return;
  throw new InvalidInputError(
    `Each split needs at least ${FEWEST_IN_SPLIT} prompts. Got ${sizes[0]} to fit, ${sizes[1]} to calibrate and ` +
      `${sizes[2]} to test; near-duplicate prompts count once. Collect more prompts that differ, or change ` +
      '`split` in the config.',
  );
}

/** Does `check` of a sample of a log's prompts: where that lacks what a router takes, the log may have it. @param drawn of a sample only */
export function sayingOfWhom(
  drawn: { readonly prompts: number; readonly sampled: number } | undefined,
  check: () => void,
): void {
  try {
    check();
  } catch (cause) {
    if (drawn === undefined || !(cause instanceof InvalidInputError)) throw cause;
    const { prompts, sampled } = drawn;
    throw new InvalidInputError(
      `${cause.message} This is said of the ${sampled.toLocaleString('en-US')} of ${plural(prompts, 'prompt')} that were drawn: a larger --fit-sample draws more.`,
      { cause },
    );
  }
}

/** Quality scores of each candidate: `[candidates]` */
export function scoresOf(quality: Float32Array, candidates: number): number[] {
  const counts = new Array<number>(candidates).fill(0);
  quality.forEach((value, i) => {
    if (!Number.isNaN(value)) counts[i % candidates]++;
  });
  return counts;
}

/** Answers of models take longer than so many milliseconds, and less than so many seconds. */
const FEW_SECONDS = 100;

/** A column of latencies whose name does not say its unit, and what speaks against milliseconds; null where its name says it. */
export function latencyDoubt({
  aliases,
  longestLatencyMs,
}: Pick<IngestReport, 'aliases' | 'longestLatencyMs'>): string | null {
  const column = aliases.latencyMs?.find((name) => !/ms$|milli/i.test(name));
  if (column === undefined) return null;
  const taken = `${column} is taken to be in milliseconds`;
  return longestLatencyMs === null || longestLatencyMs >= FEW_SECONDS
    ? taken
    : `${taken}, though the highest is ${Number(longestLatencyMs.toPrecision(3))}: if these are seconds, bring them to milliseconds`;
}

/** Why rows have no cost though tokens or prices were given: the end of a sentence, or nothing. */
export function costsWithout({
  costsWithout: { prices, tokens },
}: Pick<IngestReport, 'costsWithout'>): string {
  const why = [
    ...(tokens > 0
      ? [
          `${plural(tokens, 'row')} of candidates that have a price lack${tokens === 1 ? 's' : ''} tokens (if the log has them: --map inputTokens=... --map outputTokens=...)`,
        ]
      : []),
    ...(prices > 0
      ? [
          `${plural(prices, 'row')} with tokens ${prices === 1 ? 'is' : 'are'} of candidates without a price (--prices)`,
        ]
      : []),
  ];
  return why.length === 0 ? '' : `: ${why.join('; ')}`;
}

/** What to do where no row says how good its answer was, by whose logs they are. */
export function qualityAdvice(formats: IngestReport['formats'] | undefined): string {
  const kinds = new Set((formats ?? []).map(({ format }) => format));
  const isTable = kinds.size === 0 || (kinds.size === 1 && kinds.has('table'));
  if (isTable) return 'Add the column, or name yours: --map quality=your_score';
  if (kinds.size === 1 && kinds.has('pointsman'))
    return 'Give feedback: router.feedback writes it to the decision log; or give a file of it in the same command';
  return (
    'Give what says it: scores or feedback in the same command (of Langfuse the file of scores), a field of the records ' +
    '(--map quality=metadata.your_score), or a judge (--judge)'
  );
}
