import type { Random } from 'pointsman/internal';
import type { Puzzle } from '../families/family.ts';
import type { Expected } from '../grading/expected.ts';
import { people } from './names.ts';
import { pick, spin } from './spin.ts';

/** A puzzle as somebody would send it: a text, perhaps within a conversation. */
export interface Dressed {
  /** What the user said, all turns joined by a line break: what a solver reads. */
  readonly text: string;
  /** The conversation, when the prompt is one. */
  readonly messages: readonly { readonly role: string; readonly content: string }[] | null;
  readonly expected: Expected;
}

const before = [
  'Hi!',
  'Hello there,',
  'Hey,',
  'Good morning.',
  'Quick question.',
  'Please help me with this.',
  'I am stuck on this one:',
  'For my {homework|class|notes|quiz|report}:',
  '{$who|My {daughter|son|neighbour|colleague|boss}} {asked me|wants to know} this:',
  '{One more|Another one|Next}:',
  'Can you {check|do} this{ for me|}?',
];
const after = [
  'Thanks!',
  'Thank you.',
  'Only the answer, please.',
  'Just the final answer.',
  'No explanation needed.',
  'Please be brief.',
  'I need it {soon|for $who|before lunch}.',
  'Answer {only|briefly}.',
  '{Answer with the result only.|Reply with nothing but the result.}',
];
const systems = [
  'You are a helpful assistant.',
  'You are a terse assistant. Reply with the answer only.',
  'You tutor school children. Give the final answer.',
  'Answer in one line.',
  'You work at a help desk; be precise.',
];
const openings = [
  ['{Hi|Hello}, can you help me with {a few things|something}?', '{Of course|Sure}. {What is it?|Go ahead.}'],
  ['I have {another|one more} question.', 'I am listening.'],
  ['{Are you good at puzzles|Do you have a minute}?', 'Yes{, ask away|}.'],
] as const;

/** Puts a puzzle into a plain prompt, a multiple choice, a chattier prompt or a conversation. */
export function dress(random: Random, puzzle: Puzzle): Dressed {
  const { text: question, expected } = random.next() < 0.14 ? choices(random, puzzle) : puzzle;
  const values = { who: pick(random, people) };
  const first = random.next() < 0.22 ? `${spin(random, pick(random, before), values)} ` : '';
  const last =
    random.next() < 0.22
      ? `${question.includes('\n') ? '\n' : ' '}${spin(random, pick(random, after), values)}`
      : '';
  const text = first + question + last;
  const form = random.next();
  if (form < 0.8) return { text, messages: null, expected };
  const system = random.next() < 0.7 ? [{ role: 'system', content: pick(random, systems) }] : [];
  if (form < 0.92) return { text, messages: [...system, { role: 'user', content: text }], expected };
  const [ask, reply] = pick(random, openings).map((line) => spin(random, line)) as [string, string];
  const turns = [
    { role: 'user', content: ask },
    { role: 'assistant', content: reply },
    { role: 'user', content: text },
  ];
  return { text: `${ask}\n${text}`, messages: [...system, ...turns], expected };
}

/** The multiple-choice form of a puzzle that has wrong answers; any other puzzle as it is. */
function choices(random: Random, puzzle: Puzzle): Pick<Puzzle, 'text' | 'expected'> {
  const right = written(puzzle.expected, puzzle.wrong?.[0] ?? '');
  const wrong = [...new Set(puzzle.wrong ?? [])].filter((text) => text !== right).slice(0, 3);
  if (right === null || wrong.length < 2) return puzzle;
  const options = random.shuffle([right, ...wrong]);
  const mark = pick(random, ['A. ', 'A) ', '(A) ']);
  const lines = options.map((option, i) => mark.replace('A', 'ABCD'[i]!) + option);
  const ask = pick(random, ['', '\nAnswer with the letter.', '\nWhich option is right?', '\nAnswer:']);
  return {
    text: `${puzzle.text}\n${lines.join('\n')}${ask}`,
    expected: { kind: 'choice', letter: 'ABCD'[options.indexOf(right)]!, content: puzzle.expected },
  };
}

/** The right answer as an option, with as many decimals as the wrong ones show. */
function written(expected: Expected, like: string): string | null {
  if (expected.kind === 'integer') return expected.digits;
  if (expected.kind === 'text') return expected.accepted[0]!;
  return expected.kind === 'number' ? expected.value.toFixed(like.split('.')[1]?.length ?? 0) : null;
}
