import { between, pick, spin } from '../wording/spin.ts';
import { nearMisses } from './answers.ts';
import type { Family } from './family.ts';

type Unit = readonly [name: string, short: string, size: number];

/** Sizes in the quantity's SI unit, from NIST SP 811 appendix B. */
const common: Readonly<Record<string, readonly Unit[]>> = {
  length: [
    ['kilometers', 'km', 1000],
    ['meters', 'm', 1],
    ['centimeters', 'cm', 0.01],
    ['miles', 'mi', 1609.344],
    ['feet', 'ft', 0.3048],
    ['inches', 'in', 0.0254],
    ['yards', 'yd', 0.9144],
  ],
  mass: [
    ['kilograms', 'kg', 1],
    ['grams', 'g', 0.001],
    ['pounds', 'lb', 0.45359237],
    ['ounces', 'oz', 0.028349523125],
  ],
  time: [
    ['seconds', 's', 1],
    ['minutes', 'min', 60],
    ['hours', 'h', 3600],
    ['days', 'day', 86400],
    ['weeks', 'week', 604800],
  ],
  area: [
    ['square meters', 'm^2', 1],
    ['acres', 'acre', 4046.8564224],
    ['hectares', 'hectare', 10000],
    ['square feet', 'sqft', 0.09290304],
  ],
  volume: [
    ['liters', 'l', 0.001],
    ['milliliters', 'ml', 0.000001],
    ['gallons', 'gal', 0.003785411784],
    ['cups', 'cup', 0.0002365882365],
    ['pints', 'pt', 0.000473176473],
  ],
};
const rare: Readonly<Record<string, readonly Unit[]>> = {
  length: [
    ['furlongs', 'fur', 201.168],
    ['nautical miles', 'nmi', 1852],
    ['fathoms', 'ftm', 1.8288],
    ['hands', 'hh', 0.1016],
  ],
  mass: [
    ['stone', 'st', 6.35029318],
    ['carats', 'ct', 0.0002],
    ['long tons', 'LT', 1016.0469088],
  ],
  time: [['fortnights', 'fn', 1209600]],
  area: [
    ['square miles', 'sqmi', 2589988.110336],
    ['ares', 'a', 100],
  ],
  volume: [
    ['imperial gallons', 'imp gal', 0.00454609],
    ['oil barrels', 'bbl', 0.158987294928],
  ],
};
const asks = [
  '{Convert|Express|Change} $amount $from {to|into|in} $to{.|}',
  '{How many|What number of} $to {are {there |}in|make up|equal} $amount $from?',
  'What is $amount $from in $to?',
  'I {measured|have|was quoted} $amount $from. {How much is that|What is that|Give it} in $to{?|}',
  '$amount $from {->|=|to} {? |}$to',
  'The {label|manual|recipe|sign} {says|reads} $amount $from, but I {think|work} in $to. {Please convert it.|What is it in $to?}',
];

/** Conversions of length, mass, time, area, volume, temperature and speed; rarer units when harder. */
export const units: Family = {
  name: 'units',
  make(random, difficulty) {
    const amount =
      difficulty < 0.4 ? between(random, 2, 200) : between(random, 11, 99999) / pick(random, [1, 10, 100]);
    const kind = random.next();
    if (kind < 0.15) return answer(...temperature(random.next() < 0.5, amount));
    if (kind < 0.15 + 0.2 * difficulty) {
      const feet = between(random, 3, 7);
      const inches = between(random, 1, 11);
      const text = spin(
        random,
        '{How tall is|What is the height of} someone {of|who measures} $feet {feet|ft} {and |}$inches {inches|in} in {centimeters|cm}?',
        { feet, inches },
      );
      return { text, ...graded(feet * 30.48 + inches * 2.54) };
    }
    const quantity = pick(random, Object.keys(common));
    const from = pick(random, difficulty > 0.5 && random.next() < 0.6 ? rare[quantity]! : common[quantity]!);
    const to = pick(
      random,
      common[quantity]!.filter((unit) => unit !== from),
    );
    const short = random.next() < 0.3;
    const [source, target] = from[2] / to[2] < 0.01 ? [to, from] : [from, to];
    const name = (unit: Unit): string => (short ? unit[1] : unit[0]);
    return answer(name(source), name(target), (amount * source[2]) / target[2]);

    function answer(fromName: string, toName: string, value: number) {
      const round = pick(random, [
        '',
        '',
        ' Round to two decimals.',
        ' Two decimals are enough.',
        ' Just the number.',
      ]);
      return {
        text: spin(random, pick(random, asks), { amount, from: fromName, to: toName }) + round,
        ...graded(value),
      };
    }
  },
};

function temperature(toCelsius: boolean, amount: number): [string, string, number] {
  return toCelsius
    ? ['degrees Fahrenheit', 'degrees Celsius', ((amount - 32) * 5) / 9]
    : ['degrees Celsius', 'degrees Fahrenheit', (amount * 9) / 5 + 32];
}

function graded(value: number) {
  // Two decimals, or one part in a thousand for large values, whichever is wider.
  const tolerance = Math.max(0.006, Math.abs(value) * 0.001);
  return { expected: { kind: 'number', value, tolerance } as const, wrong: nearMisses(value, 2) };
}
