import { people, shops } from '../wording/names.ts';
import { between, pick, spin } from '../wording/spin.ts';
import { nearMisses, numberAnswer } from './answers.ts';
import type { Family } from './family.ts';

type Story = readonly [value: number, template: string];

/** Shares, rises, discounts and taxes; up to three in a row. */
export const percentages: Family = {
  name: 'percentages',
  make(random, difficulty) {
    const p = difficulty < 0.4 ? 5 * between(random, 1, 18) : between(random, 3, 97);
    const q = between(random, 2, 25);
    const base = difficulty < 0.4 ? 10 * between(random, 2, 90) : between(random, 30, 9000);
    const values = { p, q, base, who: pick(random, people), shop: pick(random, shops) };
    const easy: readonly Story[] = [
      [
        (base * p) / 100,
        '{What is|Compute|How much is|Find|Calculate} {$p%|$p percent|$p per cent} of $base{?|.}',
      ],
      [(base * p) / 100, '{Take|Work out} $p% of $base{.| for me.| and give me the number.}'],
    ];
    const medium: readonly Story[] = [
      [
        base * (1 + p / 100),
        '{Increase|Raise} $base by {$p%|$p percent}. {What do you get?|What is the result?|}',
      ],
      [
        base * (1 - p / 100),
        '{Decrease|Reduce|Lower} $base by {$p%|$p percent}. {What remains?|What is the result?|}',
      ],
      [(100 * p) / (p + q), 'What {percentage|percent} of $sum is $p? {Give|Round to} two decimals.'],
      [
        base * (1 - p / 100),
        'A {coat|lamp|bicycle|phone} at $shop costs {$$base|$base dollars} and is {marked down|reduced|discounted} by $p%. What is the {new|sale} price{| in dollars}?',
      ],
    ];
    const hard: readonly Story[] = [
      [
        base * (1 - p / 100) * (1 + q / 100),
        '$who buys a {desk|camera|kayak} listed at $base dollars. {There is a $p% discount|It is $p% off}, and then $q% {sales tax|VAT} is added. {How much does $who pay?|What is the final price?}',
      ],
      [
        base / (1 - p / 100),
        'After a {discount|reduction} of $p%, a {guitar|tent|printer} costs $base euros. What was the {original|full} price? {Round to two decimals.|Two decimals.}',
      ],
      [
        base * (1 + q / 100) ** 2,
        'A {savings account|deposit} {of|holding} $base pays $q% {interest a year, compounded yearly|compound interest each year}. {How much is in it|What is the balance} after two years?',
      ],
      [
        100 * ((base + q * 10) / base - 1),
        '{Rent|The fee|The fare} {went|rose} from $base to $raised. By what {percentage|percent} did it {rise|increase}? {Two decimals.|Round to two decimals.}',
      ],
    ];
    const pool =
      difficulty < 0.35
        ? easy
        : difficulty < 0.65
          ? [...easy, ...medium, ...medium]
          : [...medium, ...hard, ...hard];
    const [value, template] = pick(random, pool);
    return {
      text: spin(random, template, { ...values, sum: p + q, raised: base + q * 10 }),
      expected: numberAnswer(value, 2),
      wrong: nearMisses(value, 2),
    };
  },
};
