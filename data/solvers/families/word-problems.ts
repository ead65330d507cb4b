import { people, shops, things } from '../wording/names.ts';
import { numberWords } from '../wording/number-words.ts';
import { between, pick, sample, spin } from '../wording/spin.ts';
import { nearMisses, numberAnswer } from './answers.ts';
import type { Family } from './family.ts';

type Story = readonly [value: number, template: string];

/** Little stories of one to three steps; harder ones spell their numbers and carry numbers that do not matter. */
export const wordProblems: Family = {
  name: 'word-problems',
  make(random, difficulty) {
    const [who, friend, third] = sample(random, people, 3) as [string, string, string];
    const b = between(random, 2, difficulty < 0.5 ? 12 : 40);
    const c = between(random, 2, difficulty < 0.5 ? 9 : 30);
    const a = b + c + between(random, 2, difficulty < 0.5 ? 30 : 300);
    const spell = difficulty > 0.45 && random.next() < 0.6;
    const say = (value: number): string => (spell ? numberWords(value) : String(value));
    const values = {
      who,
      friend,
      third,
      thing: pick(random, things),
      shop: pick(random, shops),
      a: say(a),
      b: say(b),
      c: say(c),
      ab: say(a * b),
      bc: say(b * c),
    };
    const one: readonly Story[] = [
      [
        a - b,
        '$who {has|owns} $a $thing{| in a box}. {$who|Then $who} {gives|hands|sells} $b {of them |}to $friend. How many $thing {does $who have left|are left|remain}?',
      ],
      [
        a + b,
        '$who {had|owned} $a $thing and {bought|found|collected|received} $b more{ at $shop| yesterday|}. How many $thing {does $who have now|are there {now|in total|altogether}}?',
      ],
      [
        b * c,
        '{There are|$who packs} $b {boxes|bags|crates} {with|of} $c $thing {each|in each}. How many $thing {are there in {all|total}|is that altogether}?',
      ],
      [
        b,
        '$who {shares|divides|splits} $bc $thing equally among $c {friends|children|boxes}. How many $thing {does each get|go to each}?',
      ],
    ];
    const two: readonly Story[] = [
      [
        a - b - c,
        '$who {picked|collected} $a $thing. $b were {broken|lost|stolen} and $c were given to $friend. How many {does $who still have|remain|are left}?',
      ],
      [
        a + b - c,
        '$who {starts with|has} $a $thing, {gets|buys|finds} $b more {from|with the help of} $friend and then {loses|gives away|sells} $c. How many $thing {does $who have|are left} {now|in the end}?',
      ],
      [
        b * c + a,
        '$who {buys|orders} $b {packs|packets} of $c $thing at $shop. {At home there|In the cupboard there} {are|were} already $a $thing. How many is that {in total|altogether}?',
      ],
      [
        b * c,
        'A {train|bus|ship} {travels|goes} at $b kilometres per hour for $c hours. How {far does it go|many kilometres is that}?',
      ],
      [
        a * b - c,
        '$who {earns|makes} $a dollars {a|per} day and works $b days. {Then $who spends $c dollars on lunch.|$c dollars go to $friend.} How many dollars are left?',
      ],
    ];
    const three: readonly Story[] = [
      [
        a + (a + b) + 2 * a,
        '$who has $a $thing. $friend has $b more {$thing |}than $who, and $third has twice as many as $who. How many $thing do {they|the three} have {together|in total}?',
      ],
      [
        a * c - b * c,
        'Tickets cost $a dollars for adults and $b dollars for children. {How much more do $c adults pay than $c children?|$c adults and $c children come to $shop. How much more do the adults pay{ in all|}?}',
      ],
      [
        a - b + 3 * c,
        '$who is $c years old. $who {wins|finds} $a $thing, {gives|mails} $b of them to $friend{, who lives at number $ab,|} and then {buys|gets} three {bags|boxes} with $c in each. How many $thing has $who now?',
      ],
      [
        2 * a - b,
        'In $b years $who will be twice as old as $friend, who will be $a {then|by then}. {$third is $c. |}How old is $who {now|today}?',
      ],
      [
        (a * 60) / (b * 60),
        '{A pump|A machine} {fills|makes} $b {bottles|jars} {every|per} hour{, and its room is $c metres long|}. How many hours does it need for $a {bottles|jars}? {Give two decimals.|Two decimals.}',
      ],
    ];
    const pool = difficulty < 0.35 ? one : difficulty < 0.65 ? [...one, ...two, ...two] : [...two, ...three];
    const [value, template] = pick(random, pool);
    return {
      text: spin(random, template, values),
      expected: numberAnswer(value, 2),
      wrong: nearMisses(value, Number.isInteger(value) ? 0 : 2),
    };
  },
};
