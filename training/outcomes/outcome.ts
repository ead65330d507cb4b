import { z } from 'zod';
import { OUTCOME_COLUMNS, type OutcomeColumn } from './columns.ts';

export type OutcomeField = keyof typeof OUTCOME_COLUMNS;

/** Columns that have a trait, such as `{ kind: 'amount' }`. */
export type FieldWith<Trait> = {
  [Field in OutcomeField]: (typeof OUTCOME_COLUMNS)[Field] extends Trait ? Field : never;
}[OutcomeField];

/** The columns of the outcomes table, in the order in which a row is judged. */
export const OUTCOME_FIELDS = Object.keys(OUTCOME_COLUMNS) as readonly OutcomeField[];

export function columnOf(field: OutcomeField): OutcomeColumn {
  return OUTCOME_COLUMNS[field];
}

function fieldsWith<Trait extends Partial<OutcomeColumn>>(trait: Trait): readonly FieldWith<Trait>[] {
  const [[name, value]] = Object.entries(trait);
  return OUTCOME_FIELDS.filter(
    (field): field is FieldWith<Trait> => columnOf(field)[name as keyof OutcomeColumn] === value,
  );
}

/** Fields that belong to one candidate's answer; in wide form they sit in that candidate's cell. */
export type AnswerField = FieldWith<{ readonly of: 'answer' }>;
export const ANSWER_FIELDS = fieldsWith({ of: 'answer' } as const);

/** Amounts of an outcome; the range of each has the most that is believed of it. */
export type AmountField = FieldWith<{ readonly kind: 'amount' }>;
export const AMOUNT_FIELDS = fieldsWith({ kind: 'amount' } as const);

/** What was answered, and what is known of it. */
export const SAID_FIELDS = [
  'answer',
  'answerHash',
  'answerKey',
  'answerChecks',
  'answerVersion',
  'finishReason',
] as const satisfies readonly OutcomeField[];
export type SaidField = (typeof SAID_FIELDS)[number];

/** Whether an amount can be: no other is learned from. */
export function canBe(field: AmountField, value: number): boolean {
  const { least, most } = OUTCOME_COLUMNS[field].range;
  return value >= least && value <= most;
}

/** Fields that hold words. */
export const WORD_FIELDS = OUTCOME_FIELDS.filter((field) => columnOf(field).words !== undefined);

/** Why a row was turned down. The zod schema and the SQL of the bulk path give the same words. */
export const FIELD_REASONS = Object.fromEntries(
  OUTCOME_FIELDS.map((field) => [field, `\`${field}\` must ${columnOf(field).must}`]),
) as Readonly<Record<OutcomeField, string>>;

export const REASONS = {
  noRequest: '`text` or `messages` must be given, or `promptHash`',
  notJson: 'the line is not valid JSON',
  notObject: 'the line is not a JSON object',
  notUtf8: 'the line is not valid UTF-8',
  tooLong: 'the line is longer than 64 MB',
  notGzip: 'what follows the gzip data is not gzip data',
  brokenCsv: 'the CSV record is broken (a quote is not closed)',
  csvColumns: 'the CSV record has another number of columns than the header',
  noCandidates: 'the row holds no candidate: `outcomes` must be an object with a key per candidate',
  duplicate:
    'the same requestId and candidate came already (kept is the first that has a quality, else the first)',
  inTable: 'the table has this requestId and candidate already',
} as const;

type RowShape = { [Field in OutcomeField]: (typeof OUTCOME_COLUMNS)[Field]['schema'] };

/** One row per (request, candidate): what one candidate made of one request. */
export const outcomeRowSchema = z
  .object(Object.fromEntries(OUTCOME_FIELDS.map((field) => [field, columnOf(field).schema])) as RowShape)
  .refine((row) => row.text !== null || row.messages !== null || row.promptHash !== null, {
    message: REASONS.noRequest,
  });

export type OutcomeRow = z.output<typeof outcomeRowSchema>;

/**
 * Judges one row with canonical names, as the bulk path judges each row of a file.
 * @returns the row, or the reason why it cannot be used.
 */
export function parseOutcomeRow(value: unknown): { row: OutcomeRow } | { reason: string } {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { reason: REASONS.notObject };
  const result = outcomeRowSchema.safeParse(value);
  if (result.success) return { row: result.data };
  const field = result.error.issues[0].path[0] as OutcomeField | undefined;
  return { reason: field === undefined ? REASONS.noRequest : FIELD_REASONS[field] };
}
