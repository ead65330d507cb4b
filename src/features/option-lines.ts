/** What the answer options of a multiple-choice prompt look like ("A. ...", "(B) ...", "c) ..."). */
interface OptionLines {
  count: number;
  /** Over the options, in characters. */
  meanLength: number;
  maxLength: number;
  minLength: number;
  /** Standard deviation of the lengths over their mean plus one. */
  lengthVariation: number;
  /** Shares of the options that hold a digit, hold little but digits, begin with a capital, end with a full stop, hold a comma. */
  digitShare: number;
  numericShare: number;
  capitalShare: number;
  stopShare: number;
  commaShare: number;
  /** Where the question ends and the options begin; the text's length where there are none. */
  stemEnd: number;
}

const [TAB, NEWLINE, SPACE, OPEN, CLOSE, STOP, COLON] = [9, 10, 32, 40, 41, 46, 58];

export function createOptionLines(): OptionLines {
  return {
    count: 0,
    meanLength: 0,
    maxLength: 0,
    minLength: 0,
    lengthVariation: 0,
    digitShare: 0,
    numericShare: 0,
    capitalShare: 0,
    stopShare: 0,
    commaShare: 0,
    stemEnd: 0,
  };
}

/** Finds option lines in the first `length` UTF-16 units of a text, writing to `out`. Options are single lines. */
export function readOptionLines(units: Uint16Array, length: number, out: OptionLines): void {
  Object.assign(out, createOptionLines());
  out.stemEnd = length;
  let squares = 0;
  let total = 0;
  let lineStart = 0;
  while (lineStart < length) {
    let lineEnd = units.indexOf(NEWLINE, lineStart);
    if (lineEnd === -1 || lineEnd > length) lineEnd = length;
    const start = optionStart(units, lineStart, lineEnd);
    if (start !== -1) {
      if (out.count === 0) out.stemEnd = lineStart;
      const size = lineEnd - start;
      out.minLength = out.count === 0 ? size : Math.min(out.minLength, size);
      out.maxLength = Math.max(out.maxLength, size);
      out.count++;
      total += size;
      squares += size * size;
      countOption(units, start, lineEnd, out);
    }
    lineStart = lineEnd + 1;
  }
  if (out.count === 0) return;
  out.meanLength = total / out.count;
  const variance = Math.max(0, squares / out.count - out.meanLength * out.meanLength);
  out.lengthVariation = Math.sqrt(variance) / (out.meanLength + 1);
  out.digitShare /= out.count;
  out.numericShare /= out.count;
  out.capitalShare /= out.count;
  out.stopShare /= out.count;
  out.commaShare /= out.count;
}

/** Offset of the option's text after its label, or -1 when the line is not an option. */
function optionStart(units: Uint16Array, lineStart: number, lineEnd: number): number {
  let i = lineStart;
  while (i < lineEnd && (units[i] === SPACE || units[i] === TAB)) i++;
  if (units[i] === OPEN) i++;
  const label = units[i] | 32;
  if (!(label >= 97 && label <= 106)) return -1;
  const mark = units[i + 1];
  if (mark !== STOP && mark !== CLOSE && mark !== COLON) return -1;
  if (i + 2 >= lineEnd || units[i + 2] !== SPACE) return -1;
  return i + 3;
}

function countOption(units: Uint16Array, start: number, end: number, out: OptionLines): void {
  let digits = 0;
  let letters = 0;
  let commas = 0;
  for (let i = start; i < end; i++) {
    const unit = units[i];
    if (unit >= 48 && unit <= 57) digits++;
    else if ((unit | 32) >= 97 && (unit | 32) <= 122) letters++;
    else if (unit === 44) commas++;
  }
  if (digits > 0) out.digitShare++;
  if (digits > 0 && letters <= 6 && letters <= digits * 2) out.numericShare++;
  if (commas > 0) out.commaShare++;
  const first = units[start];
  if (first >= 65 && first <= 90) out.capitalShare++;
  if (units[end - 1] === STOP) out.stopShare++;
}
