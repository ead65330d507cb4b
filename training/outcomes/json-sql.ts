import { isText, unquoted } from './sql-text.ts';

/**
 * A JSON text with halves of surrogate pairs, which DuckDB refuses, as U+FFFD. A backslash that another one escapes begins
 * no escape, so that pairs of backslashes are put aside meanwhile, and whole pairs of surrogates too.
 */
export function wellFormed(json: string): string {
  const [aside, high, low] = ['chr(2)', 'chr(3)', 'chr(4)'];
  const [isHigh, isLow] = ['[dD][89abAB][0-9a-fA-F]{2}', '[dD][c-fC-F][0-9a-fA-F]{2}'];
  const apart = `replace(${json}, '\\\\', ${aside})`;
  const paired = `regexp_replace(${apart}, '\\\\u(${isHigh})\\\\u(${isLow})', ${high} || '\\1' || ${low} || '\\2', 'g')`;
  const whole = `regexp_replace(${paired}, '\\\\u(?:${isHigh}|${isLow})', '\\\\ufffd', 'g')`;
  return `replace(replace(replace(${whole}, ${high}, '\\u'), ${low}, '\\u'), ${aside}, '\\\\')`;
}

/** Whether a text may hold such a half. */
export function mayHoldSurrogates(json: string): string {
  return `(contains(${json}, '\\ud') OR contains(${json}, '\\uD'))`;
}

/** `readJson` in SQL: a raw JSON text, or the JSON text inside a JSON string; null when blank. */
export function embeddedJson(raw: string): string {
  const text = unquoted(raw);
  return `CASE WHEN NOT ${isText(raw)} THEN ${raw} WHEN ${raw} = '""' THEN NULL
    WHEN json_valid(${text}) THEN nullif(json_extract(${text}, '$')::VARCHAR, 'null')
    WHEN ${mayHoldSurrogates(text)} AND json_valid(${wellFormed(text)})
      THEN json_extract(${wellFormed(text)}, '$')::VARCHAR ELSE ${raw} END`;
}

/** Whether the JSON text in column `json` is a non-empty list of messages, as `outcomeRowSchema` has them. */
export function areMessages(json: string): string {
  const role = `json_extract(m, '$.role')::VARCHAR`;
  const content = `json_extract(m, '$.content')::VARCHAR`;
  const part = `coalesce(starts_with(p, '{') AND starts_with(json_extract(p, '$.type')::VARCHAR, '"'), false)`;
  return `CASE WHEN starts_with(${json}, '[') AND json_array_length(${json}) > 0 THEN
    list_bool_and(list_transform(json_extract(${json}, '$[*]')::VARCHAR[], lambda m: CASE WHEN starts_with(m, '{')
      THEN coalesce(starts_with(${role}, '"') AND ${role} <> '""', false) AND CASE
        WHEN ${content} IS NULL OR ${content} = 'null' OR starts_with(${content}, '"') THEN true
        WHEN starts_with(${content}, '[') THEN
          coalesce(list_bool_and(list_transform(json_extract(${content}, '$[*]')::VARCHAR[], lambda p: ${part})), true)
        ELSE false END
      ELSE false END))
    ELSE false END`;
}

/** Whether the JSON text `json` is a non-empty list of finite numbers. */
export function areNumbers(json: string): string {
  const number = '-?[0-9]+(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]+)?';
  return `coalesce(regexp_full_match(${json}, '\\[\\s*${number}(?:\\s*,\\s*${number})*\\s*\\]')
    AND list_bool_and(list_transform(TRY_CAST(${json} AS DOUBLE[]), lambda n: isfinite(n))), false)`;
}
