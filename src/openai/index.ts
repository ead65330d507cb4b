/**
 * Clients and embedders of endpoints that speak as OpenAI does.
 */
export { createOpenAiEmbedder, type OpenAiEmbedderOptions } from '../embedder/openai.ts';
export { createOpenAiClient } from './client.ts';
export type { OpenAiClientOptions } from './endpoint.ts';
