import { LOG_REASONS } from '../logs/log-reasons.ts';
import { REASONS } from './outcome-fields.ts';

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
