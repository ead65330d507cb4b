import { createRandom } from 'pointsman/internal';

const KINDS = [
  { task: 'sum', text: (a: number, b: number) => `What is ${a} plus ${b}? Answer with a number.` },
  { task: 'translate', text: (a: number, b: number) => `Translate to French: ${a} boats and ${b} old lamps` },
  {
    task: 'code',
    text: (a: number, b: number) => `Write a function that swaps items ${a} and ${b} of a list.`,
  },
];

/** Traffic in long form, one JSON object a line, where each of three candidates is best at one task. */
export function smallTraffic(prompts: number, seed = 1): string {
  const random = createRandom(seed);
  const lines: string[] = [];
  for (let i = 0; i < prompts; i++) {
    const { task, text } = KINDS[i % KINDS.length];
    const prompt = text(random.integer(9000) + 100, random.integer(9000) + 100);
    for (const [c, candidate] of ['small', 'medium', 'large'].entries()) {
      const good = random.next() < (KINDS[c].task === task ? 0.95 : 0.3);
      lines.push(
        JSON.stringify({
          requestId: `r${i}`,
          timestamp: new Date(Date.UTC(2026, 0, 1, 0, i)).toISOString(),
          text: prompt,
          task,
          candidate,
          quality: good ? 1 : 0,
          costUsd: 0.001 * (c + 1),
          latencyMs: 200 + 100 * c + random.integer(50),
        }),
      );
    }
  }
  return `${lines.join('\n')}\n`;
}
