export type { ModelRequest } from './completion-body.ts';
export { createOpenAiClient, type OpenAiClientOptions } from './openai-client.ts';
