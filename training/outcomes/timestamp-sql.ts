import { numberSql } from './number-sql.ts';
import { ISO_PATTERN, LARGEST_EPOCH_MS, SMALLEST_EPOCH_MS, TIMESTAMP_PATTERN } from './outcome.ts';
import { isText, unquoted } from './sql-text.ts';

/** 0000-01-01T00:00:00Z: an offset can carry a time out of the years that ISO 8601 can write. */
const SMALLEST_MS = -62167219200000;

/** Most logs write this form, and it needs no taking apart. */
const PLAIN_ISO = ISO_PATTERN.replace('\\.\\d+', '\\.\\d{1,3}');

/**
 * Adds `"timestamp"` (TIMESTAMP in UTC, whole milliseconds, or null) and `bad_timestamp` to a relation
 * that has `r_timestamp`: `readTimestamp` in SQL.
 */
export function withTimestamp(relation: string): string {
  const texts = `SELECT *, CASE WHEN ${isText('r_timestamp')} THEN ${unquoted('r_timestamp')} END AS t_text FROM (${relation})`;
  const parts = `SELECT *, regexp_matches(t_text, '${PLAIN_ISO}') AS t_plain,
    CASE WHEN t_plain OR r_timestamp IS NULL THEN NULL ELSE ${numberSql('r_timestamp')} END AS t_number,
    CASE WHEN t_plain THEN NULL ELSE regexp_extract(t_text, '${TIMESTAMP_PATTERN}', ['d', 'm', 's', 'f', 'z']) END AS t_parts
    FROM (${texts})`;
  const iso = `SELECT *, CASE WHEN t_plain THEN t_text WHEN t_parts.d <> '' THEN t_parts.d || 'T'
      || CASE t_parts.m WHEN '' THEN '00:00' ELSE t_parts.m END || CASE t_parts.s WHEN '' THEN ':00' ELSE t_parts.s END
      || t_parts.f || CASE length(t_parts.z) WHEN 0 THEN 'Z' WHEN 3 THEN t_parts.z || ':00'
        WHEN 5 THEN left(t_parts.z, 3) || ':' || right(t_parts.z, 2) ELSE t_parts.z END END AS t_iso,
    floor(CASE WHEN t_number >= ${SMALLEST_EPOCH_MS} THEN t_number ELSE t_number * 1000 END) AS t_ms
    FROM (${parts})`;
  const read = `SELECT *, CASE WHEN t_ms >= 0 AND t_ms <= ${LARGEST_EPOCH_MS} THEN epoch_ms(t_ms::BIGINT)
      -- Only a cast to TIMESTAMPTZ heeds the offset.
      WHEN t_plain OR regexp_matches(t_iso, '${ISO_PATTERN}') THEN make_timestamp_ms(epoch_ms(TRY_CAST(t_iso AS TIMESTAMPTZ))) END AS t_read
    FROM (${iso})`;
  return `SELECT * EXCLUDE (t_text, t_plain, t_number, t_parts, t_iso, t_ms, t_read),
    CASE WHEN epoch_ms(t_read) BETWEEN ${SMALLEST_MS} AND ${LARGEST_EPOCH_MS} THEN t_read END AS "timestamp",
    r_timestamp IS NOT NULL AND "timestamp" IS NULL AND trim(coalesce(t_text, '?')) <> '' AS bad_timestamp
    FROM (${read})`;
}
