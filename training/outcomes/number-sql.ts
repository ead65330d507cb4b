import { NUMBER_PATTERN } from './outcome-values.ts';
import { isText, unquoted } from './sql-text.ts';

const NAN = `'NaN'::DOUBLE`;

/** `readNumber` in SQL, of a raw JSON text. NaN stands for "given, but not a number"; null for "not given". */
export function numberSql(raw: string): string {
  return `CASE WHEN ${isText(raw)} THEN ${numberOfText(unquoted(raw))}
    ELSE CASE WHEN ${raw} IS NOT NULL THEN coalesce(TRY_CAST(${raw} AS DOUBLE), ${NAN}) END END`;
}

/** `readQuality` in SQL, with numbers brought from `low` to `high` to 0 to 1. */
export function qualitySql(raw: string, [low, high]: readonly [number, number]): string {
  const number = numberSql(raw);
  const scaled = low === 0 && high === 1 ? number : `(${number} - ${low}) / ${high - low}`;
  return `CASE WHEN length(${raw}) BETWEEN 4 AND 7 AND lower(${raw}) IN ('true', '"true"') THEN 1.0
    WHEN length(${raw}) BETWEEN 4 AND 7 AND lower(${raw}) IN ('false', '"false"') THEN 0.0
    ELSE ${scaled} END`;
}

/** `readNumber` in SQL, of a string. */
export function numberOfText(text: string): string {
  return `CASE WHEN trim(${text}) = '' THEN NULL
    WHEN regexp_full_match(trim(${text}), '${NUMBER_PATTERN}') THEN coalesce(TRY_CAST(trim(${text}) AS DOUBLE), ${NAN})
    ELSE ${NAN} END`;
}
