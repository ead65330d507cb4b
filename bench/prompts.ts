import { createReadStream } from 'node:fs';
import { access } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createGunzip } from 'node:zlib';
import { createRandom } from 'pointsman/internal';

const DATA = process.env.POINTSMAN_DATA ?? fileURLToPath(new URL('../../shared/data', import.meta.url));

/** Different prompts of one length, and where they are from. */
export interface BenchPrompts {
  readonly texts: readonly string[];
  readonly from: string;
}

/**
 * Prompts of exactly `characters` UTF-16 units: real ones, joined and cut, where the public outcomes are there; else
 * seeded nonsense whose words fall off as Zipf's law has it.
 */
export async function benchPrompts(count: number, characters: number): Promise<BenchPrompts> {
  const file = `${DATA}/llmrouter9.jsonl.gz`;
  try {
    await access(file);
  } catch {
    return { texts: madeUp(count, characters), from: 'seeded nonsense, as the public outcomes are absent' };
  }
  const texts: string[] = [];
  let text = '';
  const lines = createInterface({ input: createReadStream(file).pipe(createGunzip()) });
  for await (const line of lines) {
    text += `${(JSON.parse(line) as { prompt: string }).prompt}\n`;
    if (text.length < characters) continue;
    texts.push(text.slice(0, characters));
    text = '';
    if (texts.length === count) break;
  }
  lines.close();
  return { texts, from: 'prompts of llmrouter9' };
}

function madeUp(count: number, characters: number): string[] {
  const random = createRandom(1);
  const words = Array.from({ length: 20_000 }, () => {
    const length = 2 + random.integer(9);
    return Array.from({ length }, () => String.fromCharCode(97 + random.integer(26))).join('');
  });
  return Array.from({ length: count }, () => {
    let text = '';
    while (text.length < characters) text += `${words[Math.floor(words.length ** random.next()) - 1]} `;
    return text.slice(0, characters);
  });
}
