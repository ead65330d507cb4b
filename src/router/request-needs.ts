import type { Modality } from '../candidate/candidate.ts';
import type { RequestNeeds } from '../policy/policy.ts';
import type { Prompt } from '../request/prompt-text.ts';

/** English text has about four characters a token. */
const CHARACTERS_PER_TOKEN = 4;

const NOTHING: readonly Modality[] = [];
const TEXT: readonly Modality[] = ['text'];

/** What a candidate must be able to take, read off the shape of a request. */
export function requestNeeds(prompt: Prompt): RequestNeeds {
  const characters = prompt.text.length + prompt.contextCharacters;
  return {
    tokens: Math.ceil(characters / CHARACTERS_PER_TOKEN),
    modalities: modalities(prompt, characters),
    tools: prompt.tools > 0,
  };
}

function modalities(prompt: Prompt, characters: number): readonly Modality[] {
  if (prompt.images === 0 && prompt.audios === 0) return characters > 0 ? TEXT : NOTHING;
  const needed: Modality[] = characters > 0 ? ['text'] : [];
  if (prompt.images > 0) needed.push('image');
  if (prompt.audios > 0) needed.push('audio');
  return needed;
}
