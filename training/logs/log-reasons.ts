/** Why a record of a log is no row. */
export const LOG_REASONS = {
  noCall: 'the record is no call of a language model',
  promptNotKept: 'the log has no prompt: LiteLLM was not told to keep it',
  batchInputMissing:
    'the record is the output of a batch, and no line of the input that it answers was found',
  spanWithoutPrompt: 'no prompt was found in the span, nor in a log record of it',
  ambiguousPrompt:
    'several lines of batches have this id and other prompts: which of them was answered cannot be told',
  noWords: 'no words of the user were found in the prompt',
  redacted: 'the words of the prompt were redacted before they were logged: only a placeholder is left',
  bodyElsewhere:
    'the log does not hold the request: Helicone keeps it behind signed_body_url (export with --include-body)',
  requestElsewhere:
    'the log does not hold the request, only where it is kept (an object in S3, or a reference): export it with its content',
  withoutPrompts:
    'the activity of OpenRouter holds no prompts: log requests and responses where you send them (--format openai), or let OpenRouter broadcast them to Langfuse, LangSmith, Weave or OpenTelemetry, and export from there',
  unanswered: 'the request has no answer in the log',
  promptKnown: 'the record repeats the prompt of a call',
  ambiguousId: 'several requests have this id and other prompts: whose record it is cannot be told',
  tooDeep: 'the record is nested more than 100 levels deep',
  unforeseen: 'the record has a form that its reader cannot read',
  empty: 'the record holds nothing',
  otherScore: 'the score is another than the one asked for',
  bookkeeping: 'the record tells of the log itself',
  scoreWithoutCall: 'the score is of a request that is not there',
  scoreOfOther: 'the score is of a session or an experiment, and of no call',
  scoreInWords: 'the score is a text or a correction, and has no number',
  scoreLabel: 'the score is a label that says neither good nor bad',
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
