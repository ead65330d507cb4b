import { MalformedAnswerError } from '../errors/malformed-answer-error.ts';
import { isObject, type Message } from '../openai/completion-parts.ts';
import type { Endpoint } from '../openai/endpoint.ts';

/** What is to be read in a message, or in a piece of one. */
interface Content {
  readonly text: string;
  readonly reasoning: string;
  /** Whether its text is why there is no answer. */
  readonly refused: boolean;
  /** Whether there are images or sounds. */
  readonly hasMedia: boolean;
}

/**
 * Content is a text, or a list of parts: Mistral's models that think give their thoughts so, and others give images.
 *
 * @throws MalformedAnswerError when it is neither: what cannot be read must not be left out.
 */
export function readContent(message: Message, endpoint: Endpoint): Content {
  const found = { text: '', reasoning: '', refused: false, hasMedia: false };
  for (const part of listOf(message.content)) {
    if (typeof part === 'string') found.text += part;
    else if (isObject(part)) addPart(found, part);
    else {
      throw new MalformedAnswerError(
        `\`content\` of what ${endpoint.shownUrl} gave must be text or a list of parts. Got ${typeof part}.`,
      );
    }
  }
  const {
    reasoning_content: content,
    reasoning,
    reasoning_text: text,
    thinking,
    refusal,
    audio,
    images,
  } = message;
  found.reasoning +=
    [content, reasoning, text, thinking].map(textIn).find((thoughts) => thoughts !== '') ?? '';
  if (isObject(audio)) {
    found.hasMedia = true;
    if (found.text === '') found.text = textIn(audio.transcript);
  }
  if (Array.isArray(images) && images.length > 0) found.hasMedia = true;
  const refused = textIn(refusal);
  if (refused === '') return found;
  return { ...found, text: found.text === '' ? refused : found.text, refused: true };
}

function listOf(content: unknown): readonly unknown[] {
  if (content === undefined || content === null) return [];
  return Array.isArray(content) ? content : [content];
}

function addPart(
  found: { text: string; reasoning: string; refused: boolean; hasMedia: boolean },
  part: Record<string, unknown>,
): void {
  const type = typeof part.type === 'string' ? part.type : 'text';
  if (/^(thinking|reasoning)/.test(type)) {
    found.reasoning += textIn(part.thinking ?? part.reasoning ?? part.text ?? part.content ?? part.summary);
  } else if (type === 'refusal') {
    found.text += textIn(part.refusal);
    found.refused = true;
  } else if (/image|audio|video|file/.test(type)) found.hasMedia = true;
  else if (/text$/.test(type)) found.text += textIn(part.text ?? part.content);
}

/** Deeper ones are made to be deep. */
const DEEPEST = 4;

/** The text in a text, in `{ text }`, `{ value }`, or in a list of such. */
function textIn(value: unknown, depth = 0): string {
  if (typeof value === 'string') return value;
  if (depth > DEEPEST) return '';
  if (Array.isArray(value)) return value.map((item) => textIn(item, depth + 1)).join('');
  return isObject(value) ? textIn(value.text ?? value.value ?? value.content, depth + 1) : '';
}
