export type { OpenAiClientOptions } from '../openai/endpoint.ts';
export type { ModelRequest } from './completion-body.ts';
export { createOpenAiClient } from './openai-client.ts';
