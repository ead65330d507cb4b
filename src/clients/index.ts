export { createOpenAiClient, type ModelRequest } from '../openai/client.ts';
export type { OpenAiClientOptions } from '../openai/endpoint.ts';
