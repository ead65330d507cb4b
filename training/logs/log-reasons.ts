/** Why a record of a log is no row. */
export const LOG_REASONS = {
  noCall: 'the record is no call of a language model',
  otherScore: 'the score is another than the one asked for',
  bookkeeping: 'the record tells of the log itself',
  scoreWithoutCall: 'the score is of a request that is not there',
  outcomeWithoutDecision: 'the outcome is of a decision that is not there',
  scoreNotNumber: 'the score is no number, true or false',
  scoreOutside: 'the score is outside its range: 0 to 1, or the range given',
  newerVersion: 'the record is of a newer version of the decision log',
  unknownKind: 'the record is of no kind that the format has',
} as const;

/** Why a value of a record is taken as not known; the record itself is read. */
export const VALUE_REASONS = {
  costUsd: '`costUsd` of the outcome cannot be: it must be a number from 0 to 1,000',
  latencyMs: '`latencyMs` of the outcome cannot be: it must be a number from 0 to 604,800,000',
  inputTokens: '`inputTokens` of the outcome cannot be: it must be a number from 0 to 100,000,000',
  outputTokens: '`outputTokens` of the outcome cannot be: it must be a number from 0 to 100,000,000',
  expectedCost: '`costUsd` of the outcome is what the router expected, and not what was seen',
} as const;
