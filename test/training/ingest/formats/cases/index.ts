import type { LogFormat } from '../../../../../training/ingest/formats/log-formats.ts';
import { BEDROCK } from './bedrock.ts';
import { GEMINI } from './gemini.ts';
import { HELICONE } from './helicone.ts';
import { LANGFUSE } from './langfuse.ts';
import { LANGSMITH } from './langsmith.ts';
import { LITELLM } from './litellm.ts';
import { LLMROUTERBENCH } from './llmrouterbench.ts';
import type { FormatCases } from './log-case.ts';
import { MLFLOW } from './mlflow.ts';
import { OPENAI } from './openai.ts';
import { OTEL } from './otel.ts';
import { WEAVE } from './weave.ts';

/**
 * What each format has shown to be hard to read, after its own documents and reports of its users. The property tests
 * change these records at random.
 */
export const LOG_CASES: Readonly<Partial<Record<Exclude<LogFormat, 'table'>, FormatCases>>> = {
  langfuse: LANGFUSE,
  litellm: LITELLM,
  helicone: HELICONE,
  openai: OPENAI,
  otel: OTEL,
  mlflow: MLFLOW,
  weave: WEAVE,
  langsmith: LANGSMITH,
  bedrock: BEDROCK,
  gemini: GEMINI,
  llmrouterbench: LLMROUTERBENCH,
};
