import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { createRandom } from 'pointsman/internal';

export const LARGE_CANDIDATES = Array.from({ length: 9 }, (_, c) => `model-${c + 1}`);
/** One candidate a topic is good at it, and bad at the others. */
const GOOD = 0.8;
const BAD = 0.35;
const TOPIC_WORDS = [
  'recipe oven butter flour simmer garlic sauce pastry roast onion spice dough',
  'contract clause court plaintiff statute liability appeal attorney verdict lawsuit tribunal jurisdiction',
  'function compiler python array pointer recursion debugger javascript variable thread library bug',
  'football goalkeeper league tournament striker referee championship coach penalty midfield stadium match',
  'patient symptom diagnosis surgery antibiotic fever vaccine nurse prescription infection clinic tumour',
  'melody guitar symphony chord rhythm violin orchestra singer album concerto drummer piano',
  'airport hotel passport luggage itinerary beach tourist flight visa cruise museum hostel',
  'equation triangle integral theorem polynomial matrix derivative fraction geometry prime algebra proof',
  'soil seedling pruning compost tulip greenhouse fertiliser lawn orchard weeds hedge harvest',
].map((words) => words.split(' '));
const COMMON_WORDS =
  'please explain how the best way to find what is a good answer for my question about this and why does it not work when I try again today with some other people here'.split(
    ' ',
  );

export interface LargePrompt {
  readonly text: string;
  readonly topic: number;
  /** How likely an answer of each candidate is good. */
  readonly success: readonly number[];
}

/** How topics are drawn: `evenly`, or `rarely`: each half as often as the one before it, and the last as often as that. */
export type TopicsDrawn = 'evenly' | 'rarely';

/** Of all prompts. `[topics]` */
export function topicShares(drawn: TopicsDrawn): number[] {
  const last = TOPIC_WORDS.length - 1;
  return TOPIC_WORDS.map((_, topic) =>
    drawn === 'evenly' ? 1 / TOPIC_WORDS.length : 0.5 ** Math.min(topic + 1, last),
  );
}

/** Short prompts of nine topics: five words of the topic, five of none, and two numbers, so that none is like another. */
export function largePrompts(seed: number, drawn: TopicsDrawn = 'evenly'): () => LargePrompt {
  const random = createRandom(seed);
  const oneOf = (words: readonly string[]): string => words[random.integer(words.length)];
  const rareTopic = (topic = 0): number =>
    topic === TOPIC_WORDS.length - 1 || random.next() < 0.5 ? topic : rareTopic(topic + 1);
  return () => {
    const topic = drawn === 'evenly' ? random.integer(TOPIC_WORDS.length) : rareTopic();
    const words = Array.from({ length: 5 }, () => `${oneOf(COMMON_WORDS)} ${oneOf(TOPIC_WORDS[topic])}`);
    const numbers = `${random.integer(100_000)} ${random.integer(100_000)}`;
    return {
      text: `${words.join(' ')} ${numbers}`,
      topic,
      success: LARGE_CANDIDATES.map((_, c) => (c === topic ? GOOD : BAD)),
    };
  };
}

/** Good at the second topic, which has a quarter of the prompts where topics are drawn rarely. */
export const RARE_CANDIDATE = 1;

export interface LargeTraffic {
  /** A row a prompt, of a candidate that was drawn; else all candidates of each. */
  readonly isLogged: boolean;
  /** @default 'evenly' */
  readonly topics?: TopicsDrawn;
  /** Whether a prompt's topic is told, as its task. @default false */
  readonly isTold?: boolean;
  /** Share of the rows that are of `RARE_CANDIDATE`, the others being drawn evenly. @default as of the others */
  readonly rare?: number;
}

/** Writes JSONL, as a stream. */
export async function writeLargeTraffic(
  file: string,
  prompts: number,
  { isLogged, isTold = false, rare = 1 / LARGE_CANDIDATES.length, topics = 'evenly' }: LargeTraffic,
): Promise<void> {
  const next = largePrompts(1, topics);
  const random = createRandom(2);
  const drawCandidate = (): number => {
    if (rare === 1 / LARGE_CANDIDATES.length) return random.integer(LARGE_CANDIDATES.length);
    if (random.next() < rare) return RARE_CANDIDATE;
    const other = random.integer(LARGE_CANDIDATES.length - 1);
    return other < RARE_CANDIDATE ? other : other + 1;
  };
  const told = (topic: number) => (isTold ? { task: TOPIC_WORDS[topic][0] } : {});
  const stream = createWriteStream(file);
  let block = '';
  for (let i = 0; i < prompts; i++) {
    const { success, text, topic } = next();
    const outcome = (c: number) => ({
      quality: random.next() < success[c] ? 1 : 0,
      costUsd: 0.0001 * (c + 1),
    });
    const c = drawCandidate();
    const propensity = c === RARE_CANDIDATE ? rare : (1 - rare) / (LARGE_CANDIDATES.length - 1);
    const answered = isLogged
      ? { candidate: LARGE_CANDIDATES[c], propensity, ...outcome(c) }
      : { outcomes: Object.fromEntries(LARGE_CANDIDATES.map((name, each) => [name, outcome(each)])) };
    block += `${JSON.stringify({ requestId: `r${i}`, timestamp: new Date(1.7e12 + 1000 * i).toISOString(), text, ...told(topic), ...answered })}\n`;
    if (block.length > 2 ** 20) {
      if (!stream.write(block)) await once(stream, 'drain');
      block = '';
    }
  }
  stream.end(block);
  await once(stream, 'finish');
}
