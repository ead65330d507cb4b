import { words } from '../wording/names.ts';
import { between, pick, sample, spin } from '../wording/spin.ts';
import { integerAnswer, nearMisses, textAnswer } from './answers.ts';
import type { Family } from './family.ts';

const plurals =
  'box boxes,city cities,leaf leaves,child children,mouse mice,bus buses,hero heroes,knife knives,foot feet,story stories,church churches,woman women,tooth teeth,wolf wolves,baby babies'.split(
    ',',
  );
const pasts =
  'go went,take took,sing sang,walk walked,bring brought,stop stopped,fly flew,write wrote,teach taught,carry carried,swim swam,choose chose,begin began,think thought,plan planned'.split(
    ',',
  );
const opposites =
  'hot cold,early late,heavy light,full empty,ancient modern,shallow deep,narrow wide,generous stingy'.split(
    ',',
  );

/** Letters, words and their forms: reversing, counting, spelling, plurals, tenses, ciphers. */
export const strings: Family = {
  name: 'strings',
  make(random, difficulty) {
    const size = 1 + Math.round(3 * difficulty);
    const phrase = sample(random, words, size).join(' ');
    const long = sample(random, words, size + 3);
    const letter = pick(random, [...phrase.replaceAll(' ', '')]);
    const single = pick(random, words);
    const at = between(random, 1, single.length);
    const shift = between(random, 1, 9);
    const [pair, past, opposite] = [pick(random, plurals), pick(random, pasts), pick(random, opposites)].map(
      (line) => line.split(' ') as [string, string],
    );
    const initials = long.map((word) => word[0]!.toUpperCase()).join('');
    const exact = (text: string) => ({ kind: 'text', accepted: [text], exact: true }) as const;
    const q = pick(random, ['"', "'", '"']);
    const values = {
      phrase: q + phrase + q,
      letter: q + letter + q,
      single: q + single + q,
      at,
      shift,
      long: q + long.join(' ') + q,
      nth: `${at}${['th', 'st', 'nd', 'rd'][at] ?? 'th'}`,
      one: pair![0],
      now: past![0],
      hot: opposite![0],
      other: q + pick(random, words) + q,
    };
    const count = [...phrase].filter((c) => c === letter).length;
    const easy = [
      {
        say: '{Reverse|Write backwards|Spell backwards} {the {word|text|string} |}$phrase{.|}',
        expected: exact([...phrase].reverse().join('')),
      },
      {
        say: '{Convert|Change|Turn} $phrase {to|into} {upper case|uppercase|capital letters}{.|}',
        expected: exact(phrase.toUpperCase()),
      },
      { say: '{What is|Give|Tell me} the plural of {the word |}"$one"{?|.}', expected: textAnswer(pair![1]) },
      { say: '{What is|Give|Say} the past tense of {the verb |}"$now"{?|.}', expected: textAnswer(past![1]) },
      {
        say: 'How many {characters|letters} {are in|does} {the word |}$single{ have|}?',
        expected: integerAnswer(single.length),
        wrong: nearMisses(single.length),
      },
    ];
    const medium = [
      {
        say: 'How many times does {the letter |}$letter {appear|occur} in $phrase?',
        expected: integerAnswer(count),
        wrong: nearMisses(count),
      },
      {
        say: 'How many words are {there |}in $long?',
        expected: integerAnswer(long.length),
        wrong: nearMisses(long.length),
      },
      {
        say: '{What is|Which is} the $nth letter of {the word |}$single?',
        expected: textAnswer(single[at - 1]!),
      },
      {
        say: '{Remove|Delete|Strip} {all |the |}vowels from $phrase{.|}',
        expected: textAnswer(phrase.replaceAll(/[aeiou]/g, '')),
      },
      {
        say: '{Write|Put} $phrase in title case{.|}',
        expected: exact(phrase.replaceAll(/\b[a-z]/g, (c) => c.toUpperCase())),
      },
      {
        say: '{What is|Name} {an|the} opposite of {the word |}"$hot"{?|.}',
        expected: textAnswer(opposite![1]),
      },
    ];
    const hard = [
      {
        say: '{Encode|Encrypt} $single with a Caesar {shift|cipher} of $shift{.|  (a to z, wrapping around).}',
        expected: textAnswer(caesar(single, shift)),
      },
      {
        say: '{What {acronym|abbreviation} do the first letters of|Take the initials of} $long{ make|}{?|.}',
        expected: textAnswer(initials),
      },
      {
        say: '{Reverse the order of the words|Put the words in reverse order} {in|of} $long{.|}',
        expected: exact([...long].reverse().join(' ')),
      },
      {
        say: '{Replace|Swap} every $letter in $phrase {with|for} "*"{.|}',
        expected: exact(phrase.replaceAll(letter, '*')),
      },
      {
        say: 'Are $single and $other {anagrams of each other|the same word read backwards}?',
        expected: textAnswer('no', 'false'),
      },
      {
        say: 'Which letter {occurs|appears} {most often|the most} in $long? {If several tie, the first in the alphabet.|Ties go to the earliest letter.}',
        expected: textAnswer(commonest(long.join(''))),
      },
    ];
    const { say, ...answer } = pick(
      random,
      difficulty < 0.35 ? easy : difficulty < 0.65 ? [...easy, ...medium] : [...medium, ...hard],
    );
    return { text: spin(random, say, values), ...answer };
  },
};

function caesar(text: string, shift: number): string {
  return text.replaceAll(/[a-z]/g, (c) => String.fromCharCode(((c.charCodeAt(0) - 97 + shift) % 26) + 97));
}

function commonest(text: string): string {
  const letters = [...new Set(text)].sort();
  const count = (letter: string): number => text.split(letter).length;
  return letters.reduce((best, letter) => (count(letter) > count(best) ? letter : best));
}
