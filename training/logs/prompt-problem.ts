import { type Message, type Request, readPrompt } from 'pointsman/request';
import { LOG_REASONS } from './log-reasons.ts';

/** What stands in brackets where something was taken out. */
const TAKEN_OUT =
  'redacted|masked|filtered|scrubbed|removed|hidden|omitted|truncated|anonymi[sz]ed|censored|saniti[sz]ed|elided|withheld|suppressed|stripped|deleted|encrypted|protected|no[-_ ]content|not[-_ ](?:captured|logged|recorded)';

/**
 * What programs put in the place of words that they may not keep, and nothing else around it: LiteLLM's
 * `redacted-by-litellm`, Langfuse's `<fully masked due to failed mask function>`, OpenInference's `__REDACTED__`,
 * Sentry's `[Filtered]`, Logfire's `[Scrubbed due to 'password']`, asterisks. Without capitals; runs in JavaScript and in RE2.
 */
const PLACEHOLDER = `(?:(?:(?:message|prompt|input|content|text)[-_ ](?:has[-_ ]been[-_ ]|was[-_ ])?)?redacted(?:[-_ ](?:by|for)[-_ ][a-z_]+)?(?:\\.\\s+'litellm\\.[a-z_]+=true')?|[\\[<({*_-]+(?:[a-z]+[-_ ]){0,5}(?:${TAKEN_OUT})(?:[-_ :][^\\n\\])>}]{0,60})?[\\])>}*_/-]+|[*•█■#]{3,}|x{6,}|sha(?:1|256|512)[:=_-][0-9a-f]{16,})[.!]?\\s*`;

/** Words that are nothing but placeholders: for RE2, which alone runs such a pattern in linear time. */
export const REDACTED_PATTERN = `(?:${PLACEHOLDER})+`;

/** Longer than placeholders ever are, also one for each turn. */
export const LONGEST_REDACTED = 4000;

const placeholder = new RegExp(PLACEHOLDER, 'y');

/**
 * Why the prompt of a row is none: a router learns from what the user said, so that there must be words of the user,
 * and not what a program put in their place.
 * @param row fields of the outcomes table, its messages in plain form.
 * @returns one of `LOG_REASONS`, or null where the prompt will do.
 */
export function promptProblem(row: Readonly<Record<string, unknown>>): string | null {
  if (row.text == null && row.messages == null && row.promptHash != null) return null;
  const request: Request = Array.isArray(row.messages)
    ? { messages: row.messages as Message[] }
    : { text: String(row.text ?? '') };
  const words = readPrompt(request).text.trim();
  if (words === '') return LOG_REASONS.noWords;
  return isRedacted(words.toLowerCase()) ? LOG_REASONS.redacted : null;
}

/** One placeholder after the other, up to the end. */
function isRedacted(words: string): boolean {
  if (words.length > LONGEST_REDACTED) return false;
  placeholder.lastIndex = 0;
  while (placeholder.lastIndex < words.length) if (!placeholder.test(words)) return false;
  return true;
}
