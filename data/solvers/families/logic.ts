import type { Random } from 'pointsman/internal';
import { people } from '../wording/names.ts';
import { between, pick, sample, spin } from '../wording/spin.ts';
import { textAnswer, truthAnswer } from './answers.ts';
import type { Family, Puzzle } from './family.ts';

/** Truth values, orders of people, syllogisms, implications, and knights and knaves. */
export const logic: Family = {
  name: 'logic',
  make(random, difficulty) {
    const kinds =
      difficulty < 0.4
        ? [truthValue, ordering]
        : difficulty < 0.7
          ? [truthValue, ordering, syllogism, implication]
          : [truthValue, ordering, syllogism, implication, knights];
    return pick(random, kinds)(random, difficulty);
  },
};

function truthValue(random: Random, difficulty: number): Puzzle {
  const names = ['P', 'Q', 'R'].slice(0, difficulty < 0.5 ? 2 : 3);
  const world = Object.fromEntries(names.map((name) => [name, random.next() < 0.5]));
  const literal = (): [string, boolean] => {
    const name = pick(random, names);
    return random.next() < 0.35 ? [`not ${name}`, !world[name]] : [name, world[name]!];
  };
  let [text, value] = literal();
  const steps = difficulty < 0.5 ? 1 : 2;
  for (let i = 0; i < steps; i++) {
    const [right, rightValue] = literal();
    const sign = pick(random, ['and', 'or', ...(difficulty > 0.6 ? ['xor'] : [])]);
    value = sign === 'and' ? value && rightValue : sign === 'or' ? value || rightValue : value !== rightValue;
    text = i === 0 ? `${text} ${sign} ${right}` : `(${text}) ${sign} ${right}`;
  }
  const facts = names
    .map((name) => `${name} is ${world[name] ? 'true' : 'false'}`)
    .join(pick(random, [', ', ' and ', '; ']));
  return {
    text: spin(random, '{If|Suppose|Given that} $facts{, what is|. What is the truth value of} "$text"?', {
      facts,
      text,
    }),
    expected: truthAnswer(value),
  };
}

const scales = [
  ['taller', 'tallest', 'shortest'],
  ['older', 'oldest', 'youngest'],
  ['faster', 'fastest', 'slowest'],
  ['heavier', 'heaviest', 'lightest'],
] as const;

function ordering(random: Random, difficulty: number): Puzzle {
  const row = sample(random, people, difficulty < 0.4 ? 3 : between(random, 3, 6));
  const [more, most, least] = pick(random, scales);
  const facts = row.slice(1).map((name, i) => `${row[i]} is ${more} than ${name}.`);
  const top = random.next() < 0.5;
  const answer = top ? row[0]! : row.at(-1)!;
  const text = spin(random, '$facts {Who is the $asked?|Which of them is the $asked?|Name the $asked.}', {
    facts: random.shuffle(facts).join(' '),
    asked: top ? most : least,
  });
  return { text, expected: textAnswer(answer), wrong: row.filter((name) => name !== answer).slice(0, 3) };
}

const kinds =
  'bloops razzies lazzes|wugs blickets daxes|poets farmers travellers|cats mammals animals|squares rectangles shapes|glips norgs zentas'.split(
    '|',
  );

function syllogism(random: Random): Puzzle {
  const [a, b, c] = pick(random, kinds).split(' ') as [string, string, string];
  const [facts, asked, value] = pick(random, [
    [`All ${a} are ${b}. All ${b} are ${c}.`, `all ${a} ${c}`, true],
    [`All ${a} are ${b}. All ${b} are ${c}.`, `all ${c} ${a}`, false],
    [`No ${a} are ${b}. All ${c} are ${a}.`, `any ${c} ${b}`, false],
    [`Some ${a} are ${b}. All ${b} are ${c}.`, `some ${a} certainly ${c}`, true],
  ] as const);
  return {
    text: spin(
      random,
      '{$facts|Suppose: $facts|Take this as given. $facts} {Does it follow? Are|Are} $asked?{| Answer yes or no.| Yes or no.}',
      { facts, asked },
    ),
    expected: truthAnswer(value),
  };
}

function implication(random: Random): Puzzle {
  const [cause, effect, notEffect, notCause] = pick(random, [
    ['it rains', 'the street is wet', 'the street is not wet', 'it does not rain'],
    ['the alarm rings', 'the dog barks', 'the dog does not bark', 'the alarm does not ring'],
    ['the switch is on', 'the lamp glows', 'the lamp does not glow', 'the switch is not on'],
    ['the oven is hot', 'the bread rises', 'the bread does not rise', 'the oven is not hot'],
  ] as const);
  const [fact, asked, value] = pick(random, [
    [cause, effect, true],
    [notEffect, notCause, true],
    [effect, cause, false],
    [notCause, notEffect, false],
  ] as const);
  return {
    text: spin(
      random,
      'If $cause, {then |}$effect. {We {know|see} that|Today} $fact. {Must it be that|Does it follow that} $asked?{| Yes or no.}',
      { cause, effect, fact, asked },
    ),
    expected: truthAnswer(value),
  };
}

function knights(random: Random): Puzzle {
  const [a, b] = sample(random, people, 2) as [string, string];
  const [said, answer] = pick(random, [
    [`${a} says: "We are both knaves."`, [a, 'knave']],
    [`${a} says: "At least one of us is a knave."`, [b, 'knave']],
    [`${a} says: "${b} is a knave." ${b} says: "We are the same kind."`, [b, 'knave']],
    [`${a} says: "I am a knight or ${b} is a knave." ${b} says: "${a} is a knight."`, [a, 'knight']],
  ] as const);
  return {
    text: spin(
      random,
      '{On an island, knights|Knights} always tell the truth and knaves always lie. $said Is $who a knight or a knave?',
      { said, who: answer[0] },
    ),
    expected: textAnswer(answer[1]),
  };
}
