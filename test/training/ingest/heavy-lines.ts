import { createRandom } from 'pointsman/internal';

const random = createRandom(7);
const words = Array.from({ length: 2000 }, () => random.integer(2 ** 31).toString(36));

function promptOf(characters: number): string {
  const chosen: string[] = [];
  for (let length = 0; length < characters; length += 7) chosen.push(words[random.integer(words.length)]);
  return chosen.join(' ');
}

/** Ids in no order, and prompts in each of the shapes that are read in other ways. */
export function row(i: number, characters: number, requestId = `r${(i * 7919) % 10007}`): string {
  const words = promptOf(characters);
  const prompt =
    i % 3 === 0
      ? { text: words }
      : { messages: [{ role: 'user', content: i % 3 === 1 ? words : [{ type: 'text', text: words }] }] };
  return JSON.stringify({
    requestId,
    candidate: `m${i % 2}`,
    quality: i % 2,
    ...prompt,
  });
}

export const lines = (count: number, characters: number, name = 'r'): string[] =>
  Array.from({ length: count }, (_, i) => row(i, characters, `${name}${(i * 7919) % 100_003}`));
