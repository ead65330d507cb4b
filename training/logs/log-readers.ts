import { bedrockLog } from './bedrock.ts';
import { geminiLog } from './gemini.ts';
import { heliconeLog } from './helicone.ts';
import { langfuseLog } from './langfuse.ts';
import { langsmithLog } from './langsmith.ts';
import { litellmLog } from './litellm.ts';
import { llmrouterbenchLog } from './llmrouterbench.ts';
import type { LogReader } from './log-entry.ts';
import type { LogFormat } from './log-format.ts';
import { mlflowLog } from './mlflow.ts';
import { openaiLog } from './openai.ts';
import { openrouterLog } from './openrouter.ts';
import { otelLog } from './otel.ts';
import { pointsmanLog } from './pointsman-log.ts';
import { weaveLog } from './weave.ts';

/** The reader of each format that is no table. */
export const LOG_READERS: Readonly<Record<Exclude<LogFormat, 'table'>, LogReader>> = {
  pointsman: pointsmanLog,
  litellm: litellmLog,
  langfuse: langfuseLog,
  helicone: heliconeLog,
  openai: openaiLog,
  otel: otelLog,
  mlflow: mlflowLog,
  weave: weaveLog,
  langsmith: langsmithLog,
  bedrock: bedrockLog,
  gemini: geminiLog,
  openrouter: openrouterLog,
  llmrouterbench: llmrouterbenchLog,
};
