import { hashWord } from './word-hash.ts';

/** Kinds of word that tell what is being asked; each is counted in a prompt. */
const LEXICON = {
  calculation:
    'calculate compute evaluate solve simplify find determine sum product area volume length distance average mean median total number remainder probability percent approximately estimate round equal equals many much',
  code: 'def return function import class print list string array python javascript java algorithm binary code loop variable method sql html regex int float null true false const let var',
  conditional: 'suppose assume consider let given if scenario imagine',
  firstPerson: 'i me my mine we our us',
  instruction:
    'write translate summarize summarise explain describe rewrite classify generate list compare convert draft create extract implement fix edit',
  negation: 'not except least never false incorrect cannot no none neither nor',
  person: 'he she his her him man woman boy girl patient mother father student person people',
  reasoning: 'because therefore why prove proof show derive implies conclude argument logic clue step reason',
  reference:
    'following passage excerpt according refers statement above below text article paragraph table figure',
  temporal:
    'today tomorrow yesterday day days week weeks month months year years date hour hours minute minutes',
  unit: 'kg km cm mm nm ml mg mol g m s j n v k c w hz atm ft in mile miles hour hours minute minutes second seconds feet inches dollars cents meters metres grams liters litres pounds degrees percent',
} as const;

type WordKind = keyof typeof LEXICON;

export const WORD_KINDS = Object.keys(LEXICON) as readonly WordKind[];

/** Question words; each is a signal of its own, anywhere and as the first word. */
export const QUESTION_WORDS = ['what', 'which', 'who', 'when', 'where', 'why', 'how'] as const;

/** Word hash → bit mask: bit i for WORD_KINDS[i], then the question words. Words are few, so a Map is quick. */
export function buildLexiconIndex(): ReadonlyMap<number, number> {
  const index = new Map<number, number>();
  const mark = (word: string, bit: number) => {
    const hash = hashWord(word);
    index.set(hash, (index.get(hash) ?? 0) | (1 << bit));
  };
  WORD_KINDS.forEach((kind, bit) => {
    for (const word of LEXICON[kind].split(' ')) mark(word, bit);
  });
  QUESTION_WORDS.forEach((word, i) => {
    mark(word, WORD_KINDS.length + i);
  });
  return index;
}
