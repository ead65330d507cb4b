/** Logs that are read as they are; `table` is rows of our own, with columns under any name. */
export const LOG_FORMATS = [
  'table',
  'pointsman',
  'litellm',
  'langfuse',
  'helicone',
  'openai',
  'otel',
  'mlflow',
  'weave',
  'langsmith',
  'bedrock',
  'gemini',
  'openrouter',
  'llmrouterbench',
] as const;

export type LogFormat = (typeof LOG_FORMATS)[number];
