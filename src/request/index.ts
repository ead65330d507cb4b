export type { ContentPart, Message, Request } from '../request.ts';
export { estimateTokens } from '../tokens.ts';
export { countRequestTokens, type TokenCounter } from './count-request-tokens.ts';
export { type Prompt, readPrompt } from './prompt-text.ts';
