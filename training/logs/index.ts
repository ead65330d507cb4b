export { FAILURES, LANGUAGE_CALLS, litellmLog, OTHER_CALLS, SPEND_LOG_FIELDS } from './litellm.ts';
export { adviceOn } from './log-advice.ts';
export {
  AMOUNT_FIELDS,
  type AmountField,
  type CallEntry,
  type LogDocument,
  type LogEntry,
  type LogReader,
  type OutcomeEntry,
  type PromptEntry,
  type ScoreEntry,
} from './log-entry.ts';
export { LOG_FORMATS, type LogFormat } from './log-format.ts';
export { LOG_READERS } from './log-readers.ts';
export { LOG_REASONS, VALUE_REASONS } from './log-reasons.ts';
export { signsOf } from './log-signs.ts';
export { pickFields } from './pick-fields.ts';
export { LONGEST_REDACTED, promptProblem, REDACTED_PATTERN } from './prompt-problem.ts';
export { readConversation } from './read-conversation.ts';
export { readRating } from './read-rating.ts';
export { listOf, NestedTooDeepError, numberOf, objectOf, refuseDeepNesting, valueAt } from './values.ts';
