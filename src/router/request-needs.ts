import type { Modality } from '../candidate/candidate.ts';
import type { RequestNeeds } from '../policy/policy.ts';
import type { Prompt } from '../request/prompt-text.ts';
import { estimateTokens } from '../signals/count-request-tokens.ts';
import type { Signals } from '../signals/signals.ts';

const NOTHING: readonly Modality[] = [];
const TEXT: readonly Modality[] = ['text'];

/** The counted tokens are wanted from this share of the smallest context window on; below, no estimate is so wrong. */
const CLOSE_TO_WINDOW = 0.2;

/**
 * What a candidate must be able to take: what the caller says, else read off the shape of the request.
 *
 * @param count tokens of the request counted exactly, where there is a counter; asked only close to a window's end.
 */
export function requestNeeds(
  prompt: Prompt,
  given: Partial<Signals>,
  smallestWindow: number,
  count: (() => number) | undefined,
): RequestNeeds {
  const characters = prompt.text.length + prompt.contextCharacters;
  let tokens = given.tokens ?? estimateTokens(characters);
  if (given.tokens === undefined && count !== undefined && tokens > CLOSE_TO_WINDOW * smallestWindow) {
    tokens = count();
  }
  return {
    tokens,
    modalities: given.modalities ?? modalities(prompt, characters),
    tools: (given.tools ?? prompt.tools) > 0,
  };
}

function modalities(prompt: Prompt, characters: number): readonly Modality[] {
  if (prompt.images === 0 && prompt.audios === 0) return characters > 0 ? TEXT : NOTHING;
  const needed: Modality[] = characters > 0 ? ['text'] : [];
  if (prompt.images > 0) needed.push('image');
  if (prompt.audios > 0) needed.push('audio');
  return needed;
}
