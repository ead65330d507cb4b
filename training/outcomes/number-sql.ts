import { NUMBER_PATTERN } from './outcome.ts';
import { isText, unquoted } from './sql-text.ts';

const NAN = `'NaN'::DOUBLE`;

/** `readNumber` in SQL, of a raw JSON text. NaN stands for "given, but not a number"; null for "not given". */
export function numberSql(raw: string): string {
  return `CASE WHEN ${isText(raw)} THEN ${numberOfText(unquoted(raw))}
    ELSE CASE WHEN ${raw} IS NOT NULL THEN coalesce(TRY_CAST(${raw} AS DOUBLE), ${NAN}) END END`;
}

/** `readQuality` in SQL. */
export function qualitySql(raw: string): string {
  return `CASE WHEN ${isWord(raw, 'true')} THEN 1.0 WHEN ${isWord(raw, 'false')} THEN 0.0 ELSE ${numberSql(raw)} END`;
}

/** What was given as a quality where it is no number: its text, else null. */
export function ratingSql(raw: string, quality: string): string {
  return `CASE WHEN isnan(${quality}) OR ${isWord(raw, 'true')} OR ${isWord(raw, 'false')} THEN
    trim(CASE WHEN ${isText(raw)} THEN ${unquoted(raw)} ELSE ${raw} END) END`;
}

function isWord(raw: string, word: 'true' | 'false'): string {
  return `length(${raw}) BETWEEN 4 AND 7 AND lower(${raw}) IN ('${word}', '"${word}"')`;
}

/** `readNumber` in SQL, of a string. */
function numberOfText(text: string): string {
  return `CASE WHEN trim(${text}) = '' THEN NULL
    WHEN regexp_full_match(trim(${text}), '${NUMBER_PATTERN}') THEN coalesce(TRY_CAST(trim(${text}) AS DOUBLE), ${NAN})
    ELSE ${NAN} END`;
}
