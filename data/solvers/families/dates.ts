import type { Random } from 'pointsman/internal';
import { between, pick, spin } from '../wording/spin.ts';
import { integerAnswer, nearMisses, textAnswer, truthAnswer } from './answers.ts';
import type { Family, Puzzle } from './family.ts';

export const monthNames =
  'January February March April May June July August September October November December'.split(' ');
export const dayNames = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ');
const dayMs = 86_400_000;

/** Sums of days, spans between dates, weekdays, working days, leap years and clock times. */
export const dates: Family = {
  name: 'dates',
  make(random, difficulty) {
    const kinds =
      difficulty < 0.4
        ? [later, weekday, leapYear]
        : difficulty < 0.7
          ? [later, apart, weekday, clock]
          : [apart, months, nthWeekday, workingDays, clock, later];
    return pick(random, kinds)(random, difficulty);
  },
};

function someDay(random: Random): Date {
  return new Date(Date.UTC(between(random, 1995, 2040), random.integer(12), between(random, 1, 28)));
}

function write(random: Random, day: Date): string {
  const [y, m, d] = [day.getUTCFullYear(), day.getUTCMonth(), day.getUTCDate()];
  return pick(random, [
    `${monthNames[m]} ${d}, ${y}`,
    `${d} ${monthNames[m]} ${y}`,
    iso(day),
    `${monthNames[m]!.slice(0, 3)} ${d}, ${y}`,
  ]);
}

function iso(day: Date): string {
  return day.toISOString().slice(0, 10);
}

function later(random: Random, difficulty: number): Puzzle {
  const start = someDay(random);
  const n = between(random, 2, difficulty < 0.5 ? 60 : 900);
  const [unit, days] = pick(random, [
    ['days', 1],
    ['days', 1],
    ['weeks', 7],
  ] as const);
  const forward = random.next() < 0.6;
  const end = new Date(start.getTime() + (forward ? 1 : -1) * n * days * dayMs);
  const template = forward
    ? '{What {is the |}date {is|comes}|Which date is} $n $unit after $day?|{Give|Find} the date $n $unit after $day.|A {trial|warranty|permit} starts on $day and {lasts|runs for} $n $unit. {When|On which date} does it end?|Add $n $unit to $day.'
    : '{What date was|Which date is} $n $unit before $day?|{Give|Find} the date $n $unit before $day.|{Subtract|Take} $n $unit from $day.';
  return {
    text: spin(random, `{${template}}`, { n, unit, day: write(random, start) }),
    expected: { kind: 'date', iso: iso(end) },
  };
}

function months(random: Random): Puzzle {
  const start = someDay(random);
  const n = between(random, 2, 40);
  const end = new Date(start);
  end.setUTCMonth(end.getUTCMonth() + n);
  const template =
    '{What date is $n months after $day?|A lease signed on $day runs $n months. On what date does it {end|expire}?|Find the date $n months after $day.}';
  return {
    text: spin(random, template, { n, day: write(random, start) }),
    expected: { kind: 'date', iso: iso(end) },
  };
}

function apart(random: Random, difficulty: number): Puzzle {
  const start = someDay(random);
  const n = between(random, 5, difficulty < 0.6 ? 90 : 2000);
  const values = { a: write(random, start), b: write(random, new Date(start.getTime() + n * dayMs)) };
  const template =
    '{How many days {are there |lie |}between $a and $b?|{Count|Give me} the {number of |}days from $a to $b.|How {long|many days} is it from $a {until|to} $b{, in days|}?|A {journey|project} {began|started} on $a and ended on $b. How many days later was that?}';
  return { text: spin(random, template, values), expected: integerAnswer(n), wrong: nearMisses(n) };
}

function weekday(random: Random): Puzzle {
  const day = someDay(random);
  const right = dayNames[day.getUTCDay()]!;
  const template =
    '{{What|Which} day of the week {was|is} $day?|On {what|which} weekday {does|did} $day fall?|{Name|Tell me} the {weekday|day of the week} of $day.|$day: what day of the week is that?}';
  return {
    text: spin(random, template, { day: write(random, day) }),
    expected: textAnswer(right),
    wrong: dayNames.filter((name) => name !== right),
  };
}

function leapYear(random: Random): Puzzle {
  const year = between(random, 1800, 2200);
  const leap = new Date(Date.UTC(year, 1, 29)).getUTCMonth() === 1;
  return random.next() < 0.5
    ? {
        text: spin(random, '{Is|Was} {the year |}$year a leap year?{| Yes or no.}', { year }),
        expected: truthAnswer(leap),
      }
    : {
        text: spin(
          random,
          'How many days {are|were} there in {February $year|the month of February $year}?',
          { year },
        ),
        expected: integerAnswer(leap ? 29 : 28),
      };
}

function nthWeekday(random: Random): Puzzle {
  const [year, month, n, w] = [
    between(random, 2000, 2035),
    random.integer(12),
    between(random, 1, 4),
    random.integer(7),
  ];
  const first = new Date(Date.UTC(year, month, 1));
  const day = new Date(first.getTime() + (((w - first.getUTCDay() + 7) % 7) + 7 * (n - 1)) * dayMs);
  const values = {
    nth: ['first', 'second', 'third', 'fourth'][n - 1]!,
    w: dayNames[w]!,
    m: monthNames[month]!,
    year,
  };
  return {
    text: spin(
      random,
      '{What {is the |}date {is|was} the|On which date does the|Give the date of the} $nth $w {of|in} $m $year{ fall|}?',
      values,
    ),
    expected: { kind: 'date', iso: iso(day) },
  };
}

function workingDays(random: Random): Puzzle {
  const start = someDay(random);
  const n = between(random, 5, 60);
  let count = 0;
  for (let i = 1; i <= n; i++) {
    const w = new Date(start.getTime() + i * dayMs).getUTCDay();
    if (w !== 0 && w !== 6) count++;
  }
  const values = { a: write(random, start), b: write(random, new Date(start.getTime() + n * dayMs)) };
  return {
    text: spin(
      random,
      'How many {working days|business days|weekdays (Monday to Friday)} are there after $a, up to and including $b?',
      values,
    ),
    expected: integerAnswer(count),
    wrong: nearMisses(count),
  };
}

function clock(random: Random): Puzzle {
  const [start, length] = [random.integer(24 * 60), between(random, 25, 700)];
  const write = (minutes: number): string =>
    `${String(Math.floor(minutes / 60) % 24).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
  const values = { start: write(start), h: Math.floor(length / 60), m: length % 60 };
  return {
    text: spin(
      random,
      '{A {meeting|film|flight|lesson} {starts|begins} at $start and {lasts|takes} $h hours and $m minutes. {When does it end?|At what time is it over?}|What time is it $h hours and $m minutes after $start?} {Use the 24-hour clock.|(24-hour clock, HH:MM)}',
      values,
    ),
    expected: textAnswer(write(start + length)),
  };
}
