export { type ContentPart, type Message, type Prompt, type Request, readPrompt } from '../request.ts';
export { countRequestTokens, estimateTokens, type TokenCounter } from '../tokens.ts';
