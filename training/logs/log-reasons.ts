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
