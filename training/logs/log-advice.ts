import { LOG_REASONS } from './log-reasons.ts';

const ELSEWHERE = 'in the same command, or --append to the table that has them';

/** What to do about a reason that is seldom that of one record alone: a sentence. */
const ADVICE: Readonly<Partial<Record<string, string>>> = {
  [LOG_REASONS.promptNotKept]:
    'Have LiteLLM keep prompts from now on: store_prompts_in_spend_logs: true under general_settings; what it did not keep cannot be had back.',
  [LOG_REASONS.batchInputMissing]: 'Give the input file of the batch in the same command.',
  [LOG_REASONS.spanWithoutPrompt]:
    'Have prompts recorded (OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true), and where they stand in log records, give these in the same command.',
  [LOG_REASONS.redacted]:
    'Have the program that writes the log keep the words; what was redacted cannot be had back.',
  [LOG_REASONS.scoreWithoutCall]: `Give the calls that the scores are of (of Langfuse the observations, of LangSmith the runs) ${ELSEWHERE}.`,
  [LOG_REASONS.outcomeWithoutDecision]: `Give the decisions that the outcomes are of ${ELSEWHERE}.`,
};

/** @returns null where a reason says all there is to say */
export function adviceOn(reason: string): string | null {
  return ADVICE[reason] ?? null;
}
