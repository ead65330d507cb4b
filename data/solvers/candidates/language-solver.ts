import { asOption, readOptions } from '../reading/options.ts';
import { quoted } from '../reading/quoted.ts';
import { defineSolver } from './define-solver.ts';
import type { Solver } from './solver.ts';

type Nlp = typeof import('compromise').default;

/** Grammar by compromise: number words, word forms, little stories told by their verbs, and who is -er than whom. */
export async function createLanguageSolver(): Promise<Solver> {
  const nlp = (await import('compromise')).default;
  return defineSolver('language', 0.25, 0.5, (text) => {
    const { question, options } = readOptions(text);
    const answer =
      wordForm(nlp, question) ?? whoIsMost(question) ?? spokenSum(nlp, question) ?? story(nlp, question);
    return answer === null ? null : asOption(options, answer);
  });
}

function wordForm(nlp: Nlp, text: string): string | null {
  const [said] = quoted(text);
  if (said === undefined) return null;
  if (/plural/i.test(text)) return tagged(nlp, said, 'Noun').nouns().toPlural().text();
  if (/past tense/i.test(text)) return tagged(nlp, said, 'Verb').verbs().toPastTense().text();
  if (/title case/i.test(text)) return nlp(said).toTitleCase().text();
  if (/upper ?case|capital letters/i.test(text)) return nlp(said).toUpperCase().text();
  if (/how many words/i.test(text)) return String(nlp(said).wordCount());
  if (/initials|first letters/i.test(text))
    return nlp(said)
      .terms()
      .out('array')
      .map((term: string) => term[0]!.toUpperCase())
      .join('');
  if (/reverse/i.test(text) && /order/i.test(text)) return nlp(said).terms().out('array').reverse().join(' ');
  return null;
}

/** Follows "A is taller than B" from one end of the chain to the other. */
function whoIsMost(text: string): string | null {
  const facts = [...text.matchAll(/\b([A-Z]\w+) is (\w+)er than ([A-Z]\w+)/g)];
  const asked = /\bthe (\w+)est\b/.exec(text)?.[1];
  if (facts.length === 0 || asked === undefined) return null;
  const [more, less] = [facts.map((fact) => fact[1]!), facts.map((fact) => fact[3]!)];
  const top = facts[0]![2] === asked;
  return (
    (top ? more.find((name) => !less.includes(name)) : less.find((name) => !more.includes(name))) ?? null
  );
}

function spokenSum(nlp: Nlp, text: string): string | null {
  if (/\b(?:has|had|have|buys|each|earns|box|bags)\b/.test(text)) return null;
  if (
    !/\b(?:square|squared|power|plus|sum|added|total|times|product|multiplied|subtracting|taken|minus|less)\b/i.test(
      text,
    )
  )
    return null;
  const [a, b] = numbersOf(nlp, text);
  if (a === undefined) return null;
  if (/\bsquare(?:d)?\b|power of two/i.test(text)) return String(a * a);
  if (b === undefined) return null;
  if (/\b(?:plus|sum|added|total of)\b/i.test(text)) return String(a + b);
  if (/\b(?:times|product|multiplied)\b/i.test(text)) return String(a * b);
  if (/\bsubtracting\b|\btaken away from\b/i.test(text)) return String(b - a);
  return /\b(?:minus|less)\b/i.test(text) ? String(a - b) : null;
}

function numbersOf(nlp: Nlp, text: string): number[] {
  if (
    !/\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)\b|teen\b|ty\b|ty-/i.test(text)
  )
    return [];
  return nlp(text)
    .numbers()
    .json()
    .map((entry: { number: { num: number } }) => entry.number.num)
    .filter((n: unknown) => typeof n === 'number');
}

const losing = /\b(?:gives?|gave|given|hands?|sells?|sold|loses?|lost|broken|stolen|spends?|go|mails?)\b/i;
const gaining = /\b(?:buys?|bought|gets?|finds?|found|collected|received|more|already|wins?)\b/i;

/** Takes a story clause by clause: the first number is what there is, each later one changes it as its verb says. */
function story(nlp: Nlp, text: string): string | null {
  if (!/\bhow (?:many|much|far)\b/i.test(text)) return null;
  const clauses = text
    .replaceAll(/\?/g, '.')
    .split(/[.,]\s|\band\b(?! \w+-| (?:one|two|three|four|five|six|seven|eight|nine|ten|\w+teen|\w+ty)\b)/);
  let total: number | null = null;
  for (const clause of clauses) {
    const numbers = numbersOf(nlp, clause);
    if (numbers.length === 0) continue;
    const multiplied = numbers.length > 1 && /\b(?:each|of|per|for|at|with)\b/i.test(clause);
    const value: number = multiplied ? numbers.reduce((a, b) => a * b) : numbers[0]!;
    if (total === null) {
      total =
        /\b(?:shares?|divides?|splits?|equally)\b/i.test(clause) && numbers.length > 1
          ? numbers[0]! / numbers[1]!
          : value;
    } else if (losing.test(clause)) total -= value;
    else if (gaining.test(clause)) total += value;
    else if (/\b(?:each|days?|hours?|times|works)\b/i.test(clause)) total *= value;
  }
  return total === null ? null : String(Math.round(total * 100) / 100);
}

/** A word by itself gives no hint of what it is; the question does. */
function tagged(nlp: Nlp, word: string, tag: 'Noun' | 'Verb') {
  const doc = nlp(word);
  doc.tag(tag);
  return doc;
}
