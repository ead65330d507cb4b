import type { Modality } from '../candidate/candidate.ts';
import type { RequestNeeds } from '../policy/policy.ts';
import { countRequestTokens, type TokenCounter } from '../request/count-request-tokens.ts';
import type { Prompt } from '../request/prompt-text.ts';
import type { Request } from '../request.ts';
import type { Signals } from '../signals/signals.ts';

const NOTHING: readonly Modality[] = [];
const TEXT: readonly Modality[] = ['text'];

/** The counted tokens are wanted from this share of the smallest context window on; below, no estimate is so wrong. */
const CLOSE_TO_WINDOW = 0.2;

/**
 * What a candidate must be able to take: what the caller says, else read off the shape of the request.
 *
 * @param request undefined when there is an embedding alone.
 * @param estimated tokens of it, or the caller's; NaN where nobody needs to know.
 * @param count asked only close to a window's end.
 */
export function requestNeeds(
  prompt: Prompt,
  request: Request | undefined,
  estimated: number,
  given: Partial<Signals>,
  smallestWindow: number,
  count: TokenCounter | undefined,
): RequestNeeds {
  const characters = prompt.text.length + prompt.contextCharacters;
  let tokens = given.tokens ?? (Number.isNaN(estimated) ? 0 : estimated);
  const isClose = tokens > CLOSE_TO_WINDOW * smallestWindow;
  if (isClose && given.tokens === undefined && request !== undefined && count !== undefined) {
    tokens = countRequestTokens(request, count);
  }
  return {
    tokens,
    modalities: given.modalities ?? modalities(prompt, characters),
    tools: (given.tools ?? prompt.tools) > 0,
  };
}

function modalities(prompt: Prompt, characters: number): readonly Modality[] {
  const { images, audios, videos = 0, documents = 0 } = prompt;
  if (images + audios + videos + documents === 0) return characters > 0 ? TEXT : NOTHING;
  const needed: Modality[] = characters > 0 ? ['text'] : [];
  if (images > 0) needed.push('image');
  if (audios > 0) needed.push('audio');
  if (videos > 0) needed.push('video');
  if (documents > 0) needed.push('document');
  return needed;
}
