/** The columns of the outcomes table, in the order in which a row is judged. */
export const OUTCOME_FIELDS = [
  'requestId',
  'timestamp',
  'text',
  'messages',
  'promptHash',
  'embedding',
  'task',
  'tier',
  'candidate',
  'quality',
  'costUsd',
  'latencyMs',
  'inputTokens',
  'outputTokens',
  'propensity',
  'source',
  'metadata',
] as const;

export type OutcomeField = (typeof OUTCOME_FIELDS)[number];

/** Fields that belong to one candidate's answer; in wide form they sit in that candidate's cell. */
export const CELL_FIELDS = [
  'quality',
  'costUsd',
  'latencyMs',
  'inputTokens',
  'outputTokens',
  'propensity',
] as const satisfies readonly OutcomeField[];

/** Why a row was turned down. The zod schema and the SQL of the bulk path give the same words. */
export const FIELD_REASONS: Readonly<Record<OutcomeField, string>> = {
  requestId: '`requestId` must be a non-empty string',
  timestamp: '`timestamp` must be an ISO 8601 date and time, or seconds or milliseconds since 1970',
  text: '`text` must be a string',
  messages: '`messages` must be a non-empty list of { role, content }',
  promptHash: '`promptHash` must be 64 hexadecimal digits',
  embedding: '`embedding` must be a non-empty list of finite numbers',
  task: '`task` must be a string',
  tier: '`tier` must be a string',
  candidate: '`candidate` must be a name of 1 to 200 characters, without control characters',
  quality: '`quality` must be a number from 0 to 1',
  costUsd: '`costUsd` must be a number from 0 to 1,000',
  latencyMs: '`latencyMs` must be a number from 0 to 604,800,000 (a week)',
  inputTokens: '`inputTokens` must be a number from 0 to 100,000,000',
  outputTokens: '`outputTokens` must be a number from 0 to 100,000,000',
  propensity: '`propensity` must be a number above 0 and up to 1',
  source: '`source` must be a string',
  metadata: '`metadata` must be an object',
};

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

/** Amounts of an outcome; `LARGEST_AMOUNTS` has the most that is believed of each. */
export const AMOUNT_FIELDS = ['costUsd', 'latencyMs', 'inputTokens', 'outputTokens'] as const;

export type AmountField = (typeof AMOUNT_FIELDS)[number];
