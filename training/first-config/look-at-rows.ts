import { DuckDBInstance, type DuckDBValue } from '@duckdb/node-api';
import { REDACTION_PATTERNS, redactJson } from '../ingest/redact.ts';
import { agreement, type PaidPrices, paidPrices } from '../outcomes/amounts.ts';
import type { OutcomeMatrix } from '../outcomes/matrix.ts';
import { parquetFile } from '../work/sql-text.ts';

/** What a table says of one candidate. */
export interface CandidateLook {
  readonly name: string;
  readonly rows: number;
  readonly scored: number;
  /** Mean quality, 0 to 1, of the rows that have one. */
  readonly meanQuality: number | null;
  readonly costs: number;
  readonly meanCostUsd: number | null;
  /** Rows that say how many tokens were read and written. */
  readonly tokens: number;
  /** What its bills agree on, and how well; null where they do not. */
  readonly prices: (PaidPrices & { readonly bills: number; readonly medianError: number }) | null;
}

/** What a table of outcomes says, beside what its ingest has told. */
export interface RowsLook {
  readonly rows: number;
  readonly scored: number;
  /** Of the qualities, 0 to 1. */
  readonly lowest: number | null;
  readonly highest: number | null;
  /** Rows that say when they were asked. */
  readonly dated: number;
  /** Sorted by name. */
  readonly candidates: readonly CandidateLook[];
  readonly personal: PersonalLook;
}

/** What prompts hold that `--redact` would take out. */
export interface PersonalLook {
  /** Prompts that were looked at. */
  readonly prompts: number;
  readonly withAny: number;
  /** Prompts that hold each kind: `EMAIL`. */
  readonly kinds: Readonly<Record<string, number>>;
}

const MOST_PROMPTS = 1000;
const LONGEST = 20_000;

/** Looks at an outcomes table. @param matrix the same table */
export async function lookAtRows(table: string, matrix: OutcomeMatrix): Promise<RowsLook> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const rows = async (query: string): Promise<DuckDBValue[][]> =>
    (await connection.runAndReadAll(query)).getRows();
  const from = `FROM ${parquetFile(table)}`;
  try {
    const [[count, scored, lowest, highest, dated]] = await rows(
      `SELECT count(*), count(quality), min(quality), max(quality), count("timestamp") ${from}`,
    );
    const groups = await rows(
      `SELECT candidate, count(*), count(quality), avg(quality), count("costUsd"), avg("costUsd"),
        count(*) FILTER ("inputTokens" IS NOT NULL AND "outputTokens" IS NOT NULL) ${from} GROUP BY candidate ORDER BY candidate`,
    );
    const prompts = await rows(
      `SELECT any_value("text"), any_value(messages) ${from} GROUP BY "requestId" ORDER BY "requestId" LIMIT ${MOST_PROMPTS}`,
    );
    return {
      rows: Number(count),
      scored: Number(scored),
      lowest: numberOrNull(lowest),
      highest: numberOrNull(highest),
      dated: Number(dated),
      candidates: groups.map(([name, ...counts]) => candidateLook(String(name), counts, matrix)),
      personal: lookForPersonal(prompts.flatMap(([text, messages]) => promptOf(text, messages))),
    };
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

function candidateLook(name: string, counts: DuckDBValue[], matrix: OutcomeMatrix): CandidateLook {
  const [rows, scored, meanQuality, costs, meanCostUsd, tokens] = counts;
  return {
    name,
    rows: Number(rows),
    scored: Number(scored),
    meanQuality: numberOrNull(meanQuality),
    costs: Number(costs),
    meanCostUsd: numberOrNull(meanCostUsd),
    tokens: Number(tokens),
    prices: roundedPrices(matrix, matrix.candidates.indexOf(name)),
  };
}

/** With as few digits as agree with the bills as well. */
function roundedPrices(matrix: OutcomeMatrix, c: number): CandidateLook['prices'] {
  const prices = c < 0 ? null : paidPrices(matrix, c);
  if (prices === null) return null;
  const exact = agreement(matrix, c, prices);
  for (const digits of [2, 3, 4, 5]) {
    const rounded = {
      inputPricePerMillionTokens: Number(prices.inputPricePerMillionTokens.toPrecision(digits)),
      outputPricePerMillionTokens: Number(prices.outputPricePerMillionTokens.toPrecision(digits)),
    };
    const found = agreement(matrix, c, rounded);
    if (found.medianError <= exact.medianError + 0.001) return { ...rounded, ...found };
  }
  return { ...prices, ...exact };
}

function promptOf(text: DuckDBValue, messages: DuckDBValue): unknown[] {
  if (text !== null) return [String(text).slice(0, LONGEST)];
  return messages === null || String(messages).length > LONGEST ? [] : [JSON.parse(String(messages))];
}

/** Counts prompts, texts or lists of messages, that hold something personal. */
function lookForPersonal(prompts: readonly unknown[]): PersonalLook {
  const names = [...new Set([...REDACTION_PATTERNS.map(({ name }) => name), 'PHONE'])];
  const kinds: Record<string, number> = {};
  let withAny = 0;
  for (const prompt of prompts) {
    const [before, after] = [JSON.stringify(prompt), JSON.stringify(redactJson(prompt))];
    if (before === after) continue;
    withAny++;
    for (const name of names) {
      const marks = (text: string): number => text.split(`[${name}]`).length;
      if (marks(after) > marks(before)) kinds[name] = (kinds[name] ?? 0) + 1;
    }
  }
  return { prompts: prompts.length, withAny, kinds };
}

function numberOrNull(value: DuckDBValue): number | null {
  return value === null ? null : Number(value);
}
