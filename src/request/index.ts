export { type Prompt, readPrompt } from './prompt-text.ts';
export type { ContentPart, Message, Request } from './request.ts';
