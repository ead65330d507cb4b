import { numberList, numbersIn } from '../reading/number-list.ts';
import { quoted } from '../reading/quoted.ts';

type Recipe = readonly [when: RegExp, code: string];

/** Over `s`, the first quoted text, `t`, the second, and `n`, the numbers outside the quotes. */
const overText: readonly Recipe[] = [
  [/\breverse the order|words in reverse/i, "s.split(' ').reverse().join(' ')"],
  [/\breverse\b|backwards\b(?!\?)/i, "[...s].reverse().join('')"],
  [/upper ?case|capital letters/i, 's.toUpperCase()'],
  [/title case/i, 's.replace(/\\b[a-z]/g, (c) => c.toUpperCase())'],
  [/\bvowels\b/i, "s.replace(/[aeiou]/g, '')"],
  [/\bhow many times\b/i, 't.split(s).length - 1'],
  [/\bhow many words\b/i, "s.split(' ').length"],
  [/\bhow many (?:characters|letters)\b/i, 's.length'],
  [/\b(?:replace|swap) every\b/i, 't.split(s).join(u)'],
  [/\bcaesar\b/i, 's.replace(/[a-z]/g, (c) => String.fromCharCode((c.charCodeAt(0) - 97 + n[0]) % 26 + 97))'],
  [/\b\d+(?:st|nd|rd|th) letter\b/i, 's[n[0] - 1]'],
  [
    /\boften\b|\bmost\b/i,
    "[...new Set(s.replaceAll(' ', ''))].sort().reduce((a, b) => s.split(b).length > s.split(a).length ? b : a)",
  ],
  [/\banagrams\b/i, "[...s].sort().join() === [...t].sort().join() ? 'yes' : 'no'"],
];

/** Over `xs`, the longest list of numbers. */
const overNumbers: readonly Recipe[] = [
  [
    /\b(?:sort|order|arrange|put)\b.*(?:desc|decreas|to (?:smallest|lowest))/i,
    "xs.sort((a, b) => b - a).join(', ')",
  ],
  [/\b(?:sort|order|arrange|put)\b/i, "xs.sort((a, b) => a - b).join(', ')"],
  [
    /\bsecond (?:largest|smallest)|\bthird (?:largest|smallest)/i,
    'xs.sort((a, b) => LARGE ? b - a : a - b)[SECOND ? 1 : 2]',
  ],
  [/\bhow many\b.*\beven\b/i, 'xs.filter((x) => x % 2 === 0).length'],
  [/\bhow many\b.*\bodd\b/i, 'xs.filter((x) => x % 2 !== 0).length'],
  [/\bgreater than\b/i, 'xs.filter((x) => x > n.at(-1)).length'],
  [/\bsmaller than\b/i, 'xs.filter((x) => x < n.at(-1)).length'],
  [/\b(?:largest|biggest|greatest|maximum)\b(?! minus)/i, 'Math.max(...xs)'],
  [/\b(?:smallest|lowest|minimum|least)\b(?!\))/i, 'Math.min(...xs)'],
  [/\brange\b/i, 'Math.max(...xs) - Math.min(...xs)'],
  [/\b(?:sum|total)\b/i, 'xs.reduce((a, b) => a + b, 0)'],
  [/\b(?:mean|average)\b/i, 'xs.reduce((a, b) => a + b, 0) / xs.length'],
];

/** Over `ws`, the words after the last colon. */
const overWords: readonly Recipe[] = [
  [/alphabetical|from A to Z/i, "ws.sort().join(', ')"],
  [/\bby length\b/i, "ws.sort((a, b) => a.length - b.length).join(', ')"],
  [/\blongest\b/i, 'ws.reduce((a, b) => b.length > a.length ? b : a)'],
  [/duplicates|repeated|distinct|different/i, "[...new Set(ws)].join(', ')"],
];

/** Over `n`, the numbers of the text. */
const overIntegers: readonly Recipe[] = [
  [/\bto decimal|in decimal/i, 'parseInt(String(n[0]), 2)'],
  [/\bbinary\b/i, 'n[0].toString(2)'],
  [/\bhexadecimal\b/i, 'n[0].toString(16)'],
  [/\bsum of the digits\b/i, '[...String(n[0])].reduce((a, b) => a + Number(b), 0)'],
  [/\bsmallest prime\b/i, '(() => { for (let p = n[0] + 1; ; p++) if (prime(p)) return p; })()'],
  [
    /\bprime factors\b/i,
    "(() => { const out = []; let x = n[0]; for (let p = 2; x > 1; p++) while (x % p === 0) { out.push(p); x /= p; } return out.join(', '); })()",
  ],
  [/\bprime\b/i, "prime(n[0]) ? 'yes' : 'no'"],
  [
    /\bdivisors\b/i,
    '(() => { let c = 0; for (let d = 1; d <= n[0]; d++) if (n[0] % d === 0) c++; return c; })()',
  ],
  [
    /\bfactorial\b|\d!/i,
    '(() => { let f = 1n; for (let i = 2n; i <= BigInt(n[0]); i++) f *= i; return String(f); })()',
  ],
  [/\^.*(?:\bmod|divided by)|\bremainder of \d+\^/i, 'String(BigInt(n[0]) ** BigInt(n[1]) % BigInt(n[2]))'],
  [/\bremainder\b/i, 'n[0] % n[1]'],
];

const prelude =
  'const prime = (p) => { if (p < 2) return false; for (let d = 2; d * d <= p; d++) if (p % d === 0) return false; return true; };';

/** A JavaScript program for a text, list or number task that a recipe knows; null otherwise. */
export function programFor(text: string): string | null {
  const texts = quoted(text);
  const numbers = numbersIn(
    text
      .replaceAll(/"[^"]*"|(?<!\w)'[^']*'/g, ' ')
      .replaceAll('^', ' ')
      .replaceAll(/(\d+)(?:st|nd|rd|th)\b/g, '$1'),
  );
  const list = numberList(text);
  const words = /:\s*([a-z]+(?:, [a-z]+)+)/.exec(text)?.[1]?.split(', ');
  const [recipes, values] =
    texts.length > 0
      ? [overText, { s: texts[0], t: texts[1], u: texts[2], n: numbers }]
      : words !== undefined
        ? [overWords, { ws: words }]
        : list.length > 2
          ? [overNumbers, { xs: list, n: numbers }]
          : [overIntegers, { n: numbers }];
  const code = recipes.find(([when]) => when.test(text))?.[1];
  if (code === undefined || (recipes === overIntegers && numbers.length === 0)) return null;
  const filled = code
    .replace('LARGE', String(/largest/i.test(text)))
    .replace('SECOND', String(/second/i.test(text)));
  const names = Object.entries(values).map(
    ([name, value]) => `const ${name} = ${JSON.stringify(value) ?? 'null'};`,
  );
  return `${prelude}\n${names.join('\n')}\nconsole.log(${filled});`;
}
