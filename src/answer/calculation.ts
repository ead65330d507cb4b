import { hashWord } from '../text.ts';

/** Operators by the unit of their plain sign, and what else stands in an expression; all below any operator. */
export const [PLUS, MINUS, TIMES, OVER, POWER] = [43, 45, 42, 47, 94];
export const [OPEN, CLOSE, NUMBER, UNKNOWN] = [1, 2, 3, 4];

/** A number, an operator, a bracket, or something unknown. */
export interface Term {
  readonly kind: number;
  readonly value: number;
}

/** What words mean beside numbers, LaTeX's commands among them. */
const WORDS = {
  of: 'of von de di',
  the: 'the',
  and: 'and und et y e en',
  equals: 'is equals equal makes gives are ist sind est égale es son',
  times: 'x times cdot multiplied mal fois por',
  plus: 'plus',
  minus: 'minus',
  over: 'div divided',
  by: 'by',
  which: 'which',
  dozen: 'dozen dozens',
  fraction: 'frac dfrac tfrac',
  text: 'text mathrm',
  markup: 'left right boxed quad approx mathbf',
  thousands: 'k m',
} as const;
export type Meaning = keyof typeof WORDS;

/** By the hash of the word. */
export const MEANINGS: ReadonlyMap<number, Meaning> = new Map(
  (Object.keys(WORDS) as Meaning[]).flatMap((meaning) =>
    WORDS[meaning].split(' ').map((word) => [hashWord(word), meaning] as const),
  ),
);

/** Operators in words. */
export const SPELT: Partial<Record<Meaning, number>> = { times: TIMES, plus: PLUS, minus: MINUS, over: OVER };

/** Units that are added up only after one of them is converted; by the hash of the word, singular and plural alike. */
export const SCALES: ReadonlyMap<number, number> = new Map(
  'second seconds minute minutes hour hours day days week weeks month months year years cent cents dollar dollars inch inches foot feet yard yards mile miles'
    .split(' ')
    .map((word, i) => [hashWord(word), 1 + (i >> 1)]),
);

/** The operator that a sign means, by its UTF-16 unit; 0 for none. */
export function operatorOf(unit: number): number {
  switch (unit) {
    case 43:
      return PLUS;
    case 45:
    case 0x2212:
    case 0x2013:
      return MINUS;
    case 42:
    case 0xd7:
    case 0xb7:
    case 0x22c5:
    case 0x2217:
      return TIMES;
    case 47:
    case 0xf7:
    case 0x2044:
      return OVER;
    case 94:
      return POWER;
    default:
      return 0;
  }
}

/** Whether a UTF-16 unit is a sign of money. */
export function isMoney(unit: number): boolean {
  return unit === 36 || unit === 0x20ac || unit === 0xa3 || unit === 0xa5;
}

/** NaN for what is unknown or is no expression. Precedence climbing (Richards 1979). */
export function evaluate(terms: readonly Term[]): number {
  let at = 0;
  const value = (): number => {
    const term = terms[at++];
    if (term === undefined) return Number.NaN;
    if (term.kind === NUMBER) return term.value;
    if (term.kind !== OPEN) return Number.NaN;
    const inside = climb(1);
    return terms[at++]?.kind === CLOSE ? inside : Number.NaN;
  };
  const climb = (least: number): number => {
    let left = value();
    for (;;) {
      const operator = terms[at]?.kind ?? 0;
      const strength =
        operator === POWER ? 3 : operator === TIMES || operator === OVER ? 2 : operator > UNKNOWN ? 1 : 0;
      if (strength === 0 || strength < least) return left;
      at++;
      const right = climb(operator === POWER ? strength : strength + 1);
      left = apply(operator, left, right);
    }
  };
  const result = climb(1);
  return at === terms.length && Number.isFinite(result) ? result : Number.NaN;
}

function apply(operator: number, left: number, right: number): number {
  switch (operator) {
    case PLUS:
      return left + right;
    case MINUS:
      return left - right;
    case TIMES:
      return left * right;
    case OVER:
      return left / right;
    default:
      return left ** right;
  }
}

/** Equal but for rounding. */
export function isSame(a: number, b: number): boolean {
  return Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(a), Math.abs(b));
}

export function isAmong(values: readonly number[], value: number): boolean {
  for (const other of values) if (isSame(other, value)) return true;
  return false;
}

/** A number in a text, with its place among the tokens of the scan. */
export interface SeenNumber {
  /** Without its sign; of a percentage, the number before the sign. */
  readonly value: number;
  /** First token, and the one after the last. */
  readonly from: number;
  readonly to: number;
  readonly decimals: number;
  readonly isPercent: boolean;
  readonly isMoney: boolean;
  /** Whether it is the result of a sum that the text states, an operand of one, or neither. */
  role: 'loose' | 'operand' | 'result';
}

/** "left = right" as a text states it; of "a + b = c * d = e" there are two. */
export interface SeenSum {
  readonly left: number;
  readonly right: number;
  /** Whether both sides are equal, as far as the right one is written out. */
  readonly holds: boolean;
  /** Whether they are so only when rounded to a whole number. */
  readonly isRounded: boolean;
  /** Operators of the left side. */
  readonly operators: readonly number[];
  /** Token at which it begins. */
  readonly from: number;
}

/** What a text calculates. */
export interface SeenSums {
  readonly numbers: readonly SeenNumber[];
  readonly sums: readonly SeenSum[];
  /** Calculations without a result ("costs 8 x $5"), and the value of the last one; NaN where there is none. */
  readonly unfinished: number;
  readonly lastUnfinished: number;
  /** Equations with something unknown in them ("2x + 3 = 7"), which nobody checks here. */
  readonly unsolved: number;
}

/** What was read last. */
type Last = 'nothing' | 'word' | 'value' | 'operator' | 'bracket' | 'equals';

interface SumTerm extends Term {
  /** Index of the number it is; of a fraction, -index - 2 of its numerator; -1 for what is no number. */
  readonly number: number;
}

interface Side {
  readonly terms: readonly SumTerm[];
  /** NaN where something in it is unknown. */
  readonly value: number;
  readonly operators: readonly number[];
  /** Whether it is a single fraction, which is a number and no calculation. */
  readonly isFraction: boolean;
  readonly from: number;
}

/** Words that may stand between a number and the operator after it ("8 large red boxes * 5"), or after "=". */
const MOST_UNIT_WORDS = 4;
/** Of one side: more are a table, or an attack on the stack. */
const MOST_TERMS = 64;

/** Puts the parts of a calculation together as they are read: terms to sides, and sides to sums. */
export class Calculation implements SeenSums {
  readonly numbers: SeenNumber[] = [];
  readonly sums: SeenSum[] = [];
  unfinished = 0;
  lastUnfinished = Number.NaN;
  unsolved = 0;
  last: Last = 'nothing';
  depth = 0;
  /** Words since the last value or "=". */
  words = 0;
  /** Whether an "of" after a share waits for what it is of. */
  isOf = false;
  /** Whether an "and" is among those words. */
  isAnd = false;

  #terms: SumTerm[] = [];
  #from = 0;
  #chain: Side[] = [];
  /** Of the last value with a unit that is one of `SCALES`. */
  #scale = 0;

  /** @param number see `SumTerm` */
  addValue(kind: number, value: number, number: number, at: number): void {
    if (this.last === 'value' && this.isOf) this.addOperator(TIMES);
    else if (this.#isCompound()) {
      this.spoilValue();
      this.words = 0;
      return;
    } else if (this.last === 'value' || this.last === 'word') this.end('nothing');
    this.#add({ kind, value, number }, at);
    this.last = 'value';
  }

  addOperator(operator: number): void {
    this.#add({ kind: operator, value: 0, number: -1 }, 0);
    this.last = 'operator';
  }

  /** An operand that is no number. */
  addUnknown(at: number): void {
    this.#add({ kind: UNKNOWN, value: 0, number: -1 }, at);
    this.last = 'value';
  }

  openBracket(at: number): void {
    this.#add({ kind: OPEN, value: 0, number: -1 }, at);
    this.depth++;
    this.last = 'bracket';
  }

  closeBracket(): void {
    this.#add({ kind: CLOSE, value: 0, number: -1 }, 0);
    this.depth--;
    this.last = 'value';
  }

  /** A word after a value or "=", which is taken for a unit. @param scale of `SCALES`; 0 for others */
  addUnit(scale = 0, isAnd = false): void {
    this.isOf = false;
    this.isAnd ||= isAnd;
    if (scale !== 0 && this.words === 0) this.#setScale(scale);
    if (++this.words > MOST_UNIT_WORDS) this.end('word');
  }

  /** The last value is not what it looks like: nobody knows what it is. */
  spoilValue(): void {
    if (this.#terms.length > 0) this.#terms[this.#terms.length - 1] = { kind: UNKNOWN, value: 0, number: -1 };
  }

  /** "6 feet 2 inches", "= 1 hour and 5 minutes". */
  #isCompound(): boolean {
    if (this.last !== 'value') return false;
    if (this.words === 1) return !this.isAnd;
    return this.words === 2 && this.isAnd && this.#chain.length > 0;
  }

  /** "1 hour + 30 minutes" is neither 31 of the one nor of the other. */
  #setScale(scale: number): void {
    const before = this.#terms[this.#terms.length - 2]?.kind;
    if ((before === PLUS || before === MINUS) && this.#scale !== 0 && this.#scale !== scale)
      this.spoilValue();
    this.#scale = scale;
  }

  /** What stood in brackets beside it. */
  addAside({ numbers, sums, unsolved }: Pick<Calculation, 'numbers' | 'sums' | 'unsolved'>): void {
    for (const number of numbers) this.numbers.push(number);
    for (const sum of sums) this.sums.push(sum);
    this.unsolved += unsolved;
    this.words++;
  }

  hasOperator(): boolean {
    return this.#terms.some(({ kind }) => kind > UNKNOWN);
  }

  /** Whether the last value is a share, of which there may be an "of". */
  endsInShare(): boolean {
    const term = this.#terms[this.#terms.length - 1];
    return term?.kind === NUMBER && (term.number < -1 || this.numbers[term.number].isPercent);
  }

  /** The side so far has an equals sign behind it. @param at token at which the next side begins */
  equals(at: number): void {
    this.#chain.push(this.#side());
    this.last = 'equals';
    this.words = 0;
    this.isAnd = false;
    this.#scale = 0;
    this.#from = at;
  }

  /** Ends what is being read, and looks whether its sums hold. @param last what ended it */
  end(last: Last): void {
    if (this.#terms.length > 0) this.#chain.push(this.#side());
    const chain = this.#chain;
    if (chain.length === 1 && chain[0].operators.length > 0) {
      if (Number.isNaN(chain[0].value)) this.unsolved++;
      else {
        this.unfinished++;
        this.lastUnfinished = chain[0].value;
      }
    }
    for (let k = 0; k + 1 < chain.length; k++) this.#addSum(chain[k], chain[k + 1]);
    if (chain.length > 0) this.#chain = [];
    this.last = last;
    this.words = 0;
    this.depth = 0;
    this.isOf = false;
    this.isAnd = false;
    this.#scale = 0;
  }

  #add(term: SumTerm, at: number): void {
    if (this.#terms.length === MOST_TERMS) this.end('nothing');
    if (this.#terms.length === 0) this.#from = at;
    this.#terms.push(term);
    this.words = 0;
    this.isOf = false;
    this.isAnd = false;
  }

  #side(): Side {
    const terms = this.#terms;
    const operators = terms.filter(({ kind }) => kind > UNKNOWN).map(({ kind }) => kind);
    this.#terms = [];
    this.depth = 0;
    const isFraction = operators.length === 0 && terms.some(({ number }) => number < -1);
    return { terms, value: evaluate(terms), operators, isFraction, from: this.#from };
  }

  #addSum(left: Side, right: Side): void {
    if (left.operators.length === 0 && !left.isFraction) return;
    if (Number.isNaN(left.value) || Number.isNaN(right.value)) {
      this.unsolved++;
      return;
    }
    const operands = left.terms.filter(({ number }) => number !== -1).map((term) => this.#numberOf(term));
    const written = right.terms.length === 1 ? this.#numberOf(right.terms[0]) : undefined;
    const { holds, isRounded } = compare(left.value, right, written, operands);
    // "1/4 = 5/x" and the like state nothing that could be wrong.
    if (left.isFraction && !holds) return;
    for (const operand of operands) if (operand.role === 'loose') operand.role = 'operand';
    if (written !== undefined) written.role = 'result';
    const { from, operators } = left;
    this.sums.push({ left: left.value, right: right.value, holds, isRounded, operators, from });
  }

  #numberOf({ number }: SumTerm): SeenNumber {
    return this.numbers[number < -1 ? -number - 2 : number];
  }
}

/**
 * Whether two sides are equal. A result is as exact as it is written, may be in per cent, or in whole currency where the
 * operands are in cents; and "2 + 3 = 5 * 4 = 20" is how people write.
 */
function compare(
  left: number,
  right: Side,
  written: SeenNumber | undefined,
  operands: readonly SeenNumber[],
): { holds: boolean; isRounded: boolean } {
  const decimals = written?.decimals ?? (right.operators.length > 0 ? 2 : 0);
  const exact = 1e-6 * Math.max(1, Math.abs(left));
  const margin = decimals === 0 ? exact : exact + 1.01 * 10 ** -decimals;
  const isNear = (a: number, b: number) => Math.abs(a - b) <= margin;
  const isPercent = written?.isPercent === true || operands.some((operand) => operand.isPercent);
  const lead = right.terms[0];
  const holds =
    isNear(left, right.value) ||
    (isPercent && (isNear(100 * left, right.value) || isNear(left, 100 * right.value))) ||
    (written?.isMoney === true && isNear(left, 100 * right.value)) ||
    (right.operators.length > 0 && lead.kind === NUMBER && isNear(left, lead.value));
  if (holds) return { holds, isRounded: false };
  const isRounded =
    decimals === 0 && Math.abs(left - right.value) < 1 && Math.abs(left - Math.round(left)) > exact;
  return { holds: isRounded, isRounded };
}
