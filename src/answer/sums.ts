import { type TextScan, TokenKind } from '../text.ts';
import {
  Calculation,
  isMoney,
  MEANINGS,
  type Meaning,
  MINUS,
  NUMBER,
  OVER,
  operatorOf,
  POWER,
  SCALES,
  type SeenSums,
  SPELT,
  TIMES,
  UNKNOWN,
} from './calculation.ts';
import { beginsLine } from './words.ts';

/** A text of more is a table; the time is bounded. */
const MOST_NUMBERS = 1000;
/** "(3 for breakfast)": longer brackets are no asides. */
const MOST_ASIDE_TOKENS = 40;
const MOST_TEXT_TOKENS = 8;

/**
 * Reads the numbers of a text, and the sums in it, in one pass over the tokens of a scan: with units, currencies and
 * percentages, chained, in LaTeX or in words ("5 times 3 is 15"). What cannot be read is passed over: a sum that is
 * called wrong should be wrong.
 */
export function readSums(scan: TextScan): SeenSums {
  return new SumReader(scan).read(0, scan.tokens);
}

/** A number in digits, and the token after it. */
interface Digits {
  readonly value: number;
  readonly decimals: number;
  readonly next: number;
}

class SumReader {
  readonly #scan: TextScan;
  readonly #calculation = new Calculation();
  #isNegative = false;
  #isMoney = false;
  /** Numerators of LaTeX fractions that are still to come. */
  #fractions = 0;

  constructor(scan: TextScan) {
    this.#scan = scan;
  }

  read(from: number, to: number): Calculation {
    const calculation = this.#calculation;
    let isLineStart = true;
    for (let t = from; t < to && calculation.numbers.length < MOST_NUMBERS; ) {
      if (t > from && beginsLine(this.#scan, t)) {
        this.#end('nothing');
        isLineStart = true;
      }
      const kind = this.#scan.kinds[t];
      if (kind === TokenKind.number) t = this.#readNumber(t, isLineStart);
      else if (kind !== TokenKind.symbol) t = this.#readWord(t, to);
      else {
        t = this.#readSymbol(t, to, isLineStart);
        // A bullet, and the number of a line, may stand before either.
        if (isLineStart && calculation.last === 'nothing') continue;
      }
      isLineStart = false;
    }
    this.#end('nothing');
    return calculation;
  }

  #end(last: 'nothing' | 'word' | 'equals'): void {
    this.#calculation.end(last);
    this.#isNegative = false;
    this.#fractions = 0;
  }

  /** First unit of a token; 0 beyond the text. */
  #unit(t: number): number {
    return t >= 0 && t < this.#scan.tokens ? this.#scan.reader.units[this.#scan.starts[t]] : 0;
  }

  #isNumber(t: number): boolean {
    return t < this.#scan.tokens && this.#scan.kinds[t] === TokenKind.number;
  }

  #isWord(t: number): boolean {
    return t < this.#scan.tokens && this.#scan.kinds[t] < TokenKind.number;
  }

  #size(t: number): number {
    return this.#scan.ends[t] - this.#scan.starts[t];
  }

  /** Whether nothing stands between a token and the one before. */
  #isTight(t: number): boolean {
    return t > 0 && t < this.#scan.tokens && this.#scan.starts[t] === this.#scan.ends[t - 1];
  }

  #meaning(t: number): Meaning | undefined {
    return t < this.#scan.tokens ? MEANINGS.get(this.#scan.hashes[t]) : undefined;
  }

  #operator(t: number): number | undefined {
    const meaning = this.#meaning(t);
    return meaning === undefined ? undefined : SPELT[meaning];
  }

  /** Whether a value may begin here: a number, a bracket, or a sign of money before one. */
  #beginsValue(t: number): boolean {
    let at = t;
    while (isMoney(this.#unit(at)) || this.#unit(at) === 92) at++;
    const unit = this.#unit(at);
    if (this.#isNumber(at) || unit === 40 || unit === 91 || unit === 123) return true;
    return this.#meaning(at) === 'fraction';
  }

  #readNumber(start: number, isLineStart: boolean): number {
    const calculation = this.#calculation;
    const { decimals, next, value } = this.#digits(start);
    let t = next;
    const after = this.#isTight(t) ? this.#unit(t) : 0;
    if (isLineStart && decimals === 0 && (after === 46 || after === 41) && !this.#isTight(t + 1))
      return t + 1;
    const isPercent = after === 37 || (after === 92 && this.#unit(t + 1) === 37);
    if (isPercent) t += after === 37 ? 1 : 2;
    const number = calculation.numbers.length;
    const isMoney = this.#isMoney;
    const signed = this.#isNegative ? -value : value;
    this.#isMoney = false;
    this.#isNegative = false;
    const seen = { value, from: start, to: t, decimals, isPercent, isMoney, role: 'loose' as const };
    calculation.numbers.push(seen);
    if (isPercent) calculation.addValue(NUMBER, signed / 100, number, start);
    else if (after === 58 && this.#isNumber(t + 1) && this.#isTight(t + 1)) {
      calculation.addValue(UNKNOWN, 0, number, start); // 2:30
      t += 2;
    } else if (this.#isTight(t) && this.#isWord(t) && this.#size(t) === 1 && !this.#isFactor(t)) {
      // "2x" is unknown, "$5k" is not, nor is either what it looks like.
      const isThousands = isMoney && this.#meaning(t) === 'thousands';
      calculation.addValue(isThousands ? NUMBER : UNKNOWN, signed, number, start);
      t++;
    } else {
      const below = this.#denominator(t);
      if (below === undefined) calculation.addValue(NUMBER, signed, number, start);
      else {
        const { decimals, next, value } = below;
        calculation.numbers.push({ ...seen, value, from: t + 1, to: next, decimals });
        calculation.addValue(NUMBER, signed / value, -number - 2, start);
        t = next;
      }
    }
    return t;
  }

  /** "3x4": there the x is a sign, and in "3x" an unknown. */
  #isFactor(t: number): boolean {
    return this.#meaning(t) === 'times' && this.#isNumber(t + 1);
  }

  /** Of "3/4" written without spaces. "1/2/2025" is no fraction. */
  #denominator(t: number): Digits | undefined {
    if (this.#unit(t) !== OVER || !this.#isTight(t) || !this.#isNumber(t + 1) || !this.#isTight(t + 1))
      return undefined;
    const below = this.#digits(t + 1);
    const isLonger = this.#unit(below.next) === OVER && this.#isTight(below.next);
    return below.value === 0 || isLonger ? undefined : below;
  }
  /** "1,234.50": groups of three, and decimals. */
  #digits(start: number): Digits {
    const { ends, reader, starts } = this.#scan;
    let value = 0;
    const add = (t: number) => {
      for (let i = starts[t]; i < ends[t]; i++) value = 10 * value + reader.units[i] - 48;
    };
    const follows = (t: number, unit: number) =>
      this.#unit(t) === unit && this.#isTight(t) && this.#isNumber(t + 1) && this.#isTight(t + 1);
    add(start);
    let t = start + 1;
    while (this.#size(start) <= 3 && follows(t, 44) && this.#size(t + 1) === 3) {
      add(t + 1);
      t += 2;
    }
    if (!follows(t, 46)) return { value, decimals: 0, next: t };
    add(t + 1);
    const decimals = this.#size(t + 1);
    return { value: value / 10 ** decimals, decimals, next: t + 2 };
  }

  #readWord(t: number, to: number): number {
    const calculation = this.#calculation;
    let next = t + 1;
    while (next + 1 < to && this.#unit(next) === 45 && this.#isTight(next) && this.#isWord(next + 1))
      next += 2;
    switch (calculation.last) {
      case 'value': {
        const operator = this.#operator(t);
        if (operator !== undefined) {
          const at = this.#meaning(next) === 'by' ? next + 1 : next;
          if (this.#beginsValue(at)) {
            calculation.addOperator(operator);
            return at;
          }
        }
        const meaning = this.#meaning(t);
        if (meaning === 'of' && calculation.words === 0 && calculation.endsInShare()) calculation.isOf = true;
        else if (calculation.isOf && meaning === 'the') return next;
        else if (meaning === 'equals' && this.#mayEqual(next)) calculation.equals(next);
        else {
          if (meaning === 'dozen') calculation.spoilValue();
          calculation.addUnit(SCALES.get(this.#scan.hashes[t]) ?? 0, meaning === 'and');
        }
        return next;
      }
      case 'equals':
        calculation.addUnit();
        return next;
      case 'operator':
        calculation.addUnknown(t);
        return next;
      default:
        if (calculation.last === 'bracket') this.#end('word');
        calculation.last = 'word';
        return next;
    }
  }

  /** Whether a word like "is" may stand for "=" here. @param next the token after it */
  #mayEqual(next: number): boolean {
    const { depth, last, words } = this.#calculation;
    if (last !== 'value' || depth > 0 || words > 2 || !this.#calculation.hasOperator()) return false;
    return words === 0 || this.#beginsValue(next);
  }

  #readSymbol(t: number, to: number, isLineStart: boolean): number {
    const calculation = this.#calculation;
    const unit = this.#unit(t);
    if (isMoney(unit)) {
      this.#isMoney = true;
      return t + 1;
    }
    const operator = operatorOf(unit);
    if (operator !== 0) return this.#readOperator(t, to, operator, isLineStart);
    switch (unit) {
      case 39: // '
        return t + 1;
      case 92: // \
        return this.#readCommand(t, to);
      case 61: // =
      case 0x2248: // ≈
        if (this.#unit(t + 1) === 62 || this.#unit(t + 1) === 61) {
          this.#end('nothing');
          return t + 2;
        }
        if (calculation.last === 'value' && calculation.depth === 0) calculation.equals(t + 1);
        else this.#end('equals');
        return t + 1;
      case 40: // ( [ {
      case 91:
      case 123:
        return this.#openBracket(t, to);
      case 41: // ) ] }
      case 93:
      case 125:
        return this.#closeBracket(t);
      case 44: // "2 * 3, which is 6"
        if (this.#meaning(t + 1) === 'which' && this.#meaning(t + 2) === 'equals' && this.#mayEqual(t + 3)) {
          calculation.equals(t + 3);
          return t + 3;
        }
        break;
      case 46: // "1 + 2 + ... + 9"
        if (calculation.last === 'operator' && this.#unit(t + 1) === 46) {
          calculation.addUnknown(t);
          let next = t;
          while (this.#unit(next) === 46) next++;
          return next;
        }
    }
    this.#end('word');
    return t + 1;
  }

  #readOperator(t: number, to: number, operator: number, isLineStart: boolean): number {
    const calculation = this.#calculation;
    // "M + 20 = 80 and A + 45 = 80"
    if (calculation.last === 'value' && calculation.isAnd && calculation.words > 1) this.#end('word');
    const { last } = calculation;
    const isTightAfter = this.#isTight(t + 1);
    const isWordAfter = this.#isWord(t + 1);
    const isSpaced = !this.#isTight(t) && !isTightAfter;
    if (this.#unit(t) === 42 && this.#unit(t + 1) === 42 && isTightAfter) {
      // "2**3" is a power, "**bold**" is not.
      const isPower = last === 'value' && this.#isTight(t) && this.#isTight(t + 2) && this.#isNumber(t + 2);
      if (isPower) calculation.addOperator(POWER);
      return t + 2;
    }
    if (isLineStart && (operator === MINUS || operator === TIMES) && !isTightAfter) return t + 1; // a bullet
    if (operator === MINUS && this.#unit(t + 1) === 45) {
      this.#end('nothing'); // a rule, or a dash
      return t + 2;
    }
    if (operator === OVER && isTightAfter && isWordAfter) return t + 2; // "5/hour"
    if (operator === MINUS && this.#isTight(t) && isTightAfter && isWordAfter) {
      calculation.words++; // "5-year"
      return t + 2;
    }
    const begins = t + 1 < to && this.#beginsValue(t + 1);
    if (last === 'value') {
      if (begins || (isWordAfter && (operator !== MINUS || isSpaced))) calculation.addOperator(operator);
      else this.#end('nothing');
    } else if (operator === MINUS && begins && (isSignAfter(last) || (!this.#isTight(t) && isTightAfter))) {
      this.#isNegative = true;
    } else if (last === 'word' && begins && (operator !== MINUS || isSpaced)) {
      this.#end('nothing');
      calculation.addUnknown(t); // "price * 5"
      calculation.addOperator(operator);
    } else this.#end('word');
    return t + 1;
  }

  /** A backslash: of LaTeX, or before a sign that means something in it. */
  #readCommand(t: number, to: number): number {
    const next = t + 1;
    if (next >= to || !this.#isTight(next)) return next;
    if (!this.#isWord(next)) {
      const unit = this.#unit(next);
      return isMoney(unit) || operatorOf(unit) !== 0 ? next : next + 1;
    }
    const operator = this.#operator(next);
    if (operator !== undefined) {
      if (this.#calculation.last === 'value' && this.#beginsValue(next + 1))
        this.#calculation.addOperator(operator);
      return next + 1;
    }
    const meaning = this.#meaning(next);
    if (meaning === 'fraction') this.#fractions++;
    else if (meaning === 'text') {
      let at = next + 1;
      while (at < to && at < next + MOST_TEXT_TOKENS && this.#unit(at) !== 125) at++;
      this.#calculation.addUnit();
      return at + 1;
    } else if (meaning !== 'markup') this.#end('word');
    return next + 1;
  }

  #openBracket(t: number, to: number): number {
    const calculation = this.#calculation;
    if (calculation.last === 'value') {
      // "2(3 + 4)" is a product; "9 eggs (3 for breakfast)" has an aside, which is read for itself.
      const isProduct = this.#isTight(t) && (this.#isNumber(t - 1) || this.#unit(t - 1) === 41);
      if (!isProduct || !this.#beginsValue(t + 1)) {
        if (isProduct) calculation.spoilValue(); // 2(a - b)
        return this.#readAside(t, to);
      }
      calculation.addOperator(TIMES);
    } else if (calculation.last === 'word') calculation.end('nothing');
    calculation.openBracket(t);
    return t + 1;
  }

  #readAside(t: number, to: number): number {
    const most = Math.min(to, t + MOST_ASIDE_TOKENS);
    let end = t + 1;
    while (end < most && this.#unit(end) !== 41) end++;
    if (this.#unit(t) !== 40 || end >= most) {
      this.#end('nothing');
      return t + 1;
    }
    this.#calculation.addAside(new SumReader(this.#scan).read(t + 1, end));
    return end + 1;
  }

  #closeBracket(t: number): number {
    const calculation = this.#calculation;
    if (calculation.depth === 0 || calculation.last !== 'value') {
      this.#end('word');
      return t + 1;
    }
    calculation.closeBracket();
    if (this.#fractions > 0 && this.#unit(t + 1) === 123) {
      this.#fractions--;
      calculation.addOperator(OVER);
    }
    return t + 1;
  }
}

/** Whether a minus after it is a sign. */
function isSignAfter(last: Calculation['last']): boolean {
  return last === 'operator' || last === 'bracket' || last === 'equals';
}
