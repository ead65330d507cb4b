import { LOG_REASONS, type LogReader } from '../record/format.ts';
import { NestedTooDeepError, valueAt } from '../record/values.ts';
import { bedrockLog } from './bedrock.ts';
import { geminiLog } from './gemini.ts';
import { heliconeLog } from './helicone.ts';
import { langfuseLog } from './langfuse.ts';
import { langsmithLog } from './langsmith.ts';
import { litellmLog } from './litellm.ts';
import { llmrouterbenchLog } from './llmrouterbench.ts';
import { mlflowLog } from './mlflow.ts';
import { openaiLog } from './openai.ts';
import { openrouterLog } from './openrouter.ts';
import { otelLog } from './otel.ts';
import { pointsmanLog } from './pointsman.ts';
import { preferencesLog } from './preferences.ts';
import { weaveLog } from './weave.ts';

/** Rows with columns under any name, which `outcome.ts` tells of: read as a table, not record by record. */
const ROWS_OF_OUR_OWN = {
  signs: [
    ['outcomes', 'requestId'],
    ['requestId', 'candidate'],
    ['candidate', 'quality'],
    ['text', 'candidate'],
  ],
} satisfies Pick<LogReader, 'signs'>;

/**
 * The logs that are read as they are, each with its reader. Where records fit the signs of two, as a line of Vertex AI fits
 * Gemini and pairs of OpenAI, the first one named here is taken.
 */
const FORMATS = {
  pointsman: pointsmanLog,
  table: ROWS_OF_OUR_OWN,
  preferences: preferencesLog,
  bedrock: bedrockLog,
  litellm: litellmLog,
  langsmith: langsmithLog,
  weave: weaveLog,
  mlflow: mlflowLog,
  otel: otelLog,
  langfuse: langfuseLog,
  helicone: heliconeLog,
  gemini: geminiLog,
  openrouter: openrouterLog,
  llmrouterbench: llmrouterbenchLog,
  openai: openaiLog,
} as const;

export type LogFormat = keyof typeof FORMATS;

export const LOG_FORMATS = Object.keys(FORMATS) as readonly LogFormat[];

const { table: _, ...readers } = FORMATS;

/** The reader of each format that is no table. */
export const LOG_READERS: Readonly<Record<Exclude<LogFormat, 'table'>, LogReader>> = readers;

/** The formats that a record may be of, the one that is taken first, each with the fields that say so. */
export function signsOf(
  record: object,
): readonly { readonly format: LogFormat; readonly sign: readonly string[] }[] {
  return LOG_FORMATS.flatMap((format) => {
    const sign = FORMATS[format].signs.find((fields) => fields.every((field) => has(record, field)));
    return sign === undefined ? [] : [{ format, sign }];
  });
}

/** What is nested too deep to be read has no sign. */
function has(record: object, field: string): boolean {
  try {
    return valueAt(record, field) !== undefined;
  } catch (error) {
    if (error instanceof NestedTooDeepError) return false;
    throw error;
  }
}

const ELSEWHERE = 'in the same command, or --append to the table that has them';

/** What to do about a reason that is seldom that of one record alone, in whatever log: a sentence. */
const ADVICE: Readonly<Partial<Record<string, string>>> = {
  [LOG_REASONS.batchInputMissing]: 'Give the input file of the batch in the same command.',
  [LOG_REASONS.redacted]:
    'Have the program that writes the log keep the words; what was redacted cannot be had back.',
  [LOG_REASONS.scoreWithoutCall]: `Give the calls that the scores are of (of Langfuse the observations, of LangSmith the runs) ${ELSEWHERE}.`,
  [LOG_REASONS.outcomeWithoutDecision]: `Give the decisions that the outcomes are of ${ELSEWHERE}.`,
};

/** @returns null where a reason says all there is to say */
export function adviceOn(reason: string): string | null {
  const own = Object.values(LOG_READERS).map(({ advice }) => advice?.[reason]);
  return own.find((advice) => advice !== undefined) ?? ADVICE[reason] ?? null;
}

/** Why a call whose prompt may stand in another record has none, by the `source` of its row; null where nothing special is. */
export function promptNotFound(source: string): string | null {
  return Object.hasOwn(LOG_READERS, source)
    ? (LOG_READERS[source as keyof typeof LOG_READERS].promptNotFound ?? null)
    : null;
}
