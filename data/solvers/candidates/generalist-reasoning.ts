import { numberList, numbersIn } from '../reading/number-list.ts';

/** What the generalist works out by itself: sequences, truth values, inferences, chances, percentages in a row. */
export function reason(text: string): string | null {
  return (
    nextTerm(text) ??
    truthValue(text) ??
    inference(text) ??
    knave(text) ??
    chance(text) ??
    pricing(text) ??
    numberRiddle(text)
  );
}

function nextTerm(text: string): string | null {
  if (!/\bnext\b|\bfollows\b|\bcontinue\b|\bcomplete\b|\bmissing\b|arithmetic sequence/i.test(text))
    return null;
  const letters = /\b[A-Z](?:, [A-Z])+\b/
    .exec(text)?.[0]
    .split(', ')
    .map((c) => c.charCodeAt(0));
  if (letters !== undefined) return String.fromCharCode(2 * letters.at(-1)! - letters.at(-2)!);
  const list = numberList(text);
  if (list.length < 3) return null;
  const nth = /(\d+)(?:st|nd|rd|th) term|term number (\d+)/.exec(text);
  const last = list.at(-1)!;
  if (nth !== null) return String(list[0]! + (Number(nth[1] ?? nth[2]) - 1) * (list[1]! - list[0]!));
  const ratio = list[1]! / list[0]!;
  if (list.every((x, i) => i === 0 || x === list[i - 1]! * ratio)) return String(last * ratio);
  if (list.every((x, i) => i < 2 || x === list[i - 1]! + list[i - 2]!)) return String(last + list.at(-2)!);
  return String(extrapolate(list));
}

/** Newton's forward differences: right for any polynomial with fewer coefficients than there are terms. */
function extrapolate(list: readonly number[]): number {
  if (list.every((x) => x === list[0])) return list[0]!;
  return list.at(-1)! + extrapolate(list.slice(1).map((x, i) => x - list[i]!));
}

function truthValue(text: string): string | null {
  const formula = /"([^"]*\b[PQR]\b[^"]*)"/.exec(text)?.[1];
  if (formula === undefined) return null;
  const tokens = formula.match(/\(|\)|\w+/g)!;
  let at = 0;
  const atom = (): boolean => {
    const token = tokens[at++]!;
    if (token === 'not') return !atom();
    if (token !== '(') return new RegExp(`\\b${token} is true`).test(text);
    const inner = chain();
    at++;
    return inner;
  };
  const chain = (): boolean => {
    let left = atom();
    while (at < tokens.length && tokens[at] !== ')') {
      const sign = tokens[at++];
      const right = atom();
      left = sign === 'and' ? left && right : sign === 'or' ? left || right : left !== right;
    }
    return left;
  };
  return chain() ? 'true' : 'false';
}

function inference(text: string): string | null {
  const rule = /\bIf (.+?), (?:then )?(.+?)\. (?:We know that|We see that|Today) (.+?)\./.exec(text);
  if (rule !== null) {
    const bare = (words: string): string =>
      words.replaceAll(/ (?:does|is) not /g, ' ').replaceAll(/ is |s\b/g, ' ');
    const denied = / not /.test(rule[3]!);
    const aboutCause = bare(rule[3]!) === bare(rule[1]!);
    return aboutCause !== denied ? 'yes' : 'no';
  }
  const [all, none] = [
    [...text.matchAll(/\b(?:All|Some) (\w+) are (\w+)\./g)],
    /\bNo (\w+) are (\w+)/.exec(text),
  ];
  const asked = /\b(?:are|is) (?:all|any|some) (\w+) (?:certainly )?(\w+)\?/i.exec(text);
  if (all.length === 0 || asked === null) return null;
  if (none !== null) return 'no';
  const reached = new Set([asked[1]]);
  for (const _ of all) for (const [, from, to] of all) if (reached.has(from)) reached.add(to);
  return reached.has(asked[2]) ? 'yes' : 'no';
}

/** Tries all four worlds of two islanders, for the sayings it can read. */
function knave(text: string): string | null {
  const asked = /\bIs (\w+) a knight or a knave/.exec(text)?.[1];
  const said = /(\w+) says: "(We are both knaves|At least one of us is a knave)/.exec(text);
  if (asked === undefined || said === null) return null;
  const both = said[2]!.startsWith('We');
  for (const [speaker, other] of [
    [true, true],
    [true, false],
    [false, true],
    [false, false],
  ] as const) {
    const claim = both ? !speaker && !other : !speaker || !other;
    if (claim === speaker) return (asked === said[1] ? speaker : other) ? 'knight' : 'knave';
  }
  return null;
}

function chance(text: string): string | null {
  if (!/\bprobability\b/i.test(text)) return null;
  const n = numbersIn(text.replaceAll(/\d+ ?decimals?/g, ''));
  if (/\bballs\b/.test(text)) return (n[0]! / (n[0]! + n[1]!)).toFixed(4);
  if (/\bdice\b/.test(text)) return ((6 - Math.abs(n[0]! - 7)) / 36).toFixed(4);
  let ways = 1;
  for (let i = 0; i < n[1]!; i++) ways = (ways * (n[0]! - i)) / (i + 1);
  return (ways / 2 ** n[0]!).toFixed(4);
}

function pricing(text: string): string | null {
  const rates = [...text.matchAll(/(\d+)%/g)].map((match) => Number(match[1]) / 100);
  const amount = numbersIn(text.replaceAll(/\d+%/g, ''))[0];
  if (rates.length === 0 || amount === undefined) return null;
  if (/\boriginal\b|\bfull price\b/i.test(text)) return (amount / (1 - rates[0]!)).toFixed(2);
  if (/\btax\b|\bVAT\b/.test(text) && rates.length > 1)
    return (amount * (1 - rates[0]!) * (1 + rates[1]!)).toFixed(2);
  if (/\bcompound/i.test(text)) return (amount * (1 + rates[0]!) ** 2).toFixed(2);
  return /\b(?:discounted|reduced|marked down)\b/i.test(text) ? (amount * (1 - rates[0]!)).toFixed(2) : null;
}

function numberRiddle(text: string): string | null {
  const factor =
    ['twice', 'three times', 'four times', 'five times', 'six times'].findIndex((word) =>
      text.includes(word),
    ) + 2;
  const [a, b] = numbersIn(text);
  if (factor < 2 || a === undefined || b === undefined || !/\bnumber\b/i.test(text)) return null;
  return String((/\bless than\b|\bsubtract\b/i.test(text) ? b + a : b - a) / factor);
}
