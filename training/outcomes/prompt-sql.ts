import { LONGEST_REDACTED } from '../logs/prompt-problem.ts';
import { isText, quoteText, unquoted } from './sql-text.ts';

/** Roles that need no reading, as JSON texts in a list of SQL. */
export const PLAIN_ROLES = ['user', 'system', 'assistant', 'tool', 'developer']
  .map((role) => quoteText(`"${role}"`))
  .join(', ');

/** What JavaScript takes for a blank, which is more than RE2 does. */
export const BLANKS =
  '\\s\\x0B\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}\\x{FEFF}';

/** What every placeholder of `promptProblem` holds, and most prompts do not. */
export const MAY_BE_REDACTED =
  '(?i)redact|mask|filter|scrub|remov|hidden|omit|truncat|anonymi|censor|saniti|elided|withheld|suppress|strip|delet|encrypt|protect|no[-_ ]content|not[-_ ](captured|logged|recorded)|x{6}|sha[0-9]|[*•█■#]{3}';

/** How every placeholder begins. */
const MAY_BEGIN_REDACTED = `^[${BLANKS}]*(?:(?i:redacted|message|prompt|input|content|text|x{6}|sha[0-9])|[\\[<({*_•█■#-])`;

/** Most prompts hold a letter or a digit of the user in plain sight. */
const IN_PLAIN_SIGHT = '"role":\\s*"user",\\s*"content":\\s*"[^"\\\\]*?[A-Za-z0-9]';

/** What the user said in plain messages, as `readPrompt` has it. */
export function userWords(messages: string): string {
  return `array_to_string(list_transform(list_filter(json_transform(${messages}, '[{"role":"JSON","content":"JSON"}]'), lambda m: m.role::VARCHAR = '"user"'), lambda m:
    CASE WHEN ${isText('m.content::VARCHAR')} THEN ${unquoted('m.content::VARCHAR')}
      ELSE coalesce(array_to_string(json_extract_string(m.content, '$[*].text'), chr(10)), '') END), chr(10))`;
}

/**
 * Whether a prompt is one as it stands: a text, or messages of known roles, of whose parts those with words say so, with
 * words of the user that are no placeholder. Any other must be read by `readConversation` and `promptProblem`.
 */
export function isPlainPrompt(text: string, messages: string): string {
  const words = userWords(messages);
  return `CASE WHEN ${messages} IS NULL THEN ${areWords(text)} WHEN NOT ${arePlainMessages(messages)} THEN false
    WHEN regexp_matches(${messages}, ${quoteText(IN_PLAIN_SIGHT)}) AND NOT regexp_matches(${messages}, ${quoteText(MAY_BE_REDACTED)}) THEN true
    ELSE ${areWords(words)} END`;
}

function areWords(words: string): string {
  return `CASE WHEN NOT regexp_matches(${words}, '[^${BLANKS}]') THEN false
    ELSE NOT (regexp_matches(${words}, ${quoteText(MAY_BEGIN_REDACTED)}) AND length(${words}) <= ${LONGEST_REDACTED}
      AND regexp_matches(${words}, ${quoteText(MAY_BE_REDACTED)})) END`;
}

function arePlainMessages(json: string): string {
  const role = `json_extract(m, '$.role')::VARCHAR`;
  const content = `json_extract(m, '$.content')::VARCHAR`;
  const type = `json_extract(p, '$.type')::VARCHAR`;
  // Words of a part that is called otherwise are not read later, so that such a part is no plain one.
  const part = `coalesce(starts_with(p, '{') AND CASE WHEN ${type} = '"text"' THEN ${isText(`json_extract(p, '$.text')::VARCHAR`)}
      ELSE ${isText(type)} AND json_extract(p, '$.text') IS NULL END, false)`;
  return `CASE WHEN starts_with(${json}, '[') AND json_array_length(${json}) > 0 THEN
    list_bool_and(list_transform(json_extract(${json}, '$[*]')::VARCHAR[], lambda m: CASE WHEN starts_with(m, '{')
      THEN coalesce(${role} IN (${PLAIN_ROLES}), false) AND CASE
        WHEN ${content} IS NULL OR ${content} = 'null' THEN json_extract(m, '$.parts') IS NULL
        WHEN ${isText(content)} THEN true
        WHEN starts_with(${content}, '[') THEN
          coalesce(list_bool_and(list_transform(json_extract(${content}, '$[*]')::VARCHAR[], lambda p: ${part})), true)
        ELSE false END
      ELSE false END))
    ELSE false END`;
}
