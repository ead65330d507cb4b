export { countRequestTokens, type TokenCounter } from './count-request-tokens.ts';
export { estimateTokens } from './estimate-tokens.ts';
export { type Prompt, readPrompt } from './prompt-text.ts';
export type { ContentPart, Message, Request } from './request.ts';
