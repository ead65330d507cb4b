import { bedrockLog } from '../ingest/formats/bedrock.ts';
import { geminiLog } from '../ingest/formats/gemini.ts';
import { heliconeLog } from '../ingest/formats/helicone.ts';
import { langfuseLog } from '../ingest/formats/langfuse.ts';
import { langsmithLog } from '../ingest/formats/langsmith.ts';
import { litellmLog } from '../ingest/formats/litellm.ts';
import { llmrouterbenchLog } from '../ingest/formats/llmrouterbench.ts';
import { mlflowLog } from '../ingest/formats/mlflow.ts';
import { openaiLog } from '../ingest/formats/openai.ts';
import { otelLog } from '../ingest/formats/otel.ts';
import { pointsmanLog } from '../ingest/formats/pointsman.ts';
import { weaveLog } from '../ingest/formats/weave.ts';
import type { LogReader } from '../ingest/record/format.ts';
import type { LogFormat } from './log-format.ts';
import { openrouterLog } from './openrouter.ts';

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
