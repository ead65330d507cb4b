import { createRandom } from 'pointsman/internal';
import { families } from './families/families.ts';
import type { Expected } from './grading/expected.ts';
import { type Dressed, dress } from './wording/dress.ts';

/** One prompt of the sample traffic with its known answer. */
export interface SamplePrompt extends Dressed {
  /** `sample-` and its place in the whole, from 0. */
  readonly id: string;
  readonly family: string;
  /** 0 (easiest) to 1, as it was asked of the family. */
  readonly difficulty: number;
  readonly expected: Expected;
}

/** At most this many prompts may differ in nothing but their numbers and quoted words. */
const mostAlike = 3;
const tries = 30;

/**
 * `count` prompts, the families in turn and then shuffled; the same seed gives the same prompts.
 * Texts never repeat. Wordings may, at most three times while the family still has others.
 */
export function generatePrompts({ count, seed }: { count: number; seed: number }): SamplePrompt[] {
  const random = createRandom(seed);
  const texts = new Set<string>();
  const shapes = new Map<string, number>();
  const prompts: Omit<SamplePrompt, 'id'>[] = [];
  for (let i = 0; i < count; i++) {
    const family = families[i % families.length]!;
    const difficulty = random.next();
    let dressed = dress(random, family.make(random, difficulty));
    for (let t = 0; t < tries && isWorn(dressed); t++)
      dressed = dress(random, family.make(random, difficulty));
    while (texts.has(dressed.text)) dressed = dress(random, family.make(random, random.next()));
    texts.add(dressed.text);
    shapes.set(shape(dressed.text), (shapes.get(shape(dressed.text)) ?? 0) + 1);
    prompts.push({ ...dressed, family: family.name, difficulty });
  }
  return random
    .shuffle(prompts)
    .map((prompt, i) => ({ id: `sample-${String(i).padStart(5, '0')}`, ...prompt }));

  function isWorn({ text }: Dressed): boolean {
    return texts.has(text) || (shapes.get(shape(text)) ?? 0) >= mostAlike;
  }
}

function shape(text: string): string {
  return text.replaceAll(/"[^"]*"|'[^']*'/g, '""').replaceAll(/[\d.,]*\d/g, '0');
}
