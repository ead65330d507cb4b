import { heliconeLog } from './helicone.ts';
import { langfuseLog } from './langfuse.ts';
import { litellmLog } from './litellm.ts';
import type { LogReader } from './log-entry.ts';
import type { LogFormat } from './log-format.ts';
import { openaiLog } from './openai.ts';
import { otelLog } from './otel.ts';
import { pointsmanLog } from './pointsman-log.ts';

/** The reader of each format that is no table. */
export const LOG_READERS: Readonly<Record<Exclude<LogFormat, 'table'>, LogReader>> = {
  pointsman: pointsmanLog,
  litellm: litellmLog,
  langfuse: langfuseLog,
  helicone: heliconeLog,
  openai: openaiLog,
  otel: otelLog,
};
