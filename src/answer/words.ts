import { CharClass, createTextScan, hashWord, scanText, type TextScan, TokenKind } from '../text.ts';

/** Small words of each language; a word of several counts for each of them. */
const SMALL_WORDS = [
  'the and is of to in that for with was',
  'der die das und ist nicht ein mit auf den zu',
  'le les des est et une dans pour que du',
  'el los las es una por para que y con',
  'il di che è per una sono gli della non',
  'o os um uma não para com que em é',
  'de het een van is en dat niet op met',
];
const LONGEST_SMALL_WORD = 5;
const LANGUAGES_OF: ReadonlyMap<number, readonly number[]> = languagesOfWords();

function languagesOfWords(): Map<number, number[]> {
  const languages = new Map<number, number[]>();
  SMALL_WORDS.forEach((list, language) => {
    for (const hash of list.split(' ').map(hashWord)) {
      const known = languages.get(hash);
      if (known === undefined) languages.set(hash, [language]);
      else known.push(language);
    }
  });
  return languages;
}

/**
 * The language that a text's small words are of, from 1; 0 where they do not say. A guess that takes microseconds:
 * whether question and answer differ is all that it is for.
 */
export function guessLanguage({ ends, hashes, kinds, starts, tokens }: TextScan): number {
  const votes = new Int32Array(SMALL_WORDS.length);
  for (let t = 0; t < tokens; t++) {
    if (kinds[t] >= TokenKind.number || ends[t] - starts[t] > LONGEST_SMALL_WORD) continue;
    const languages = LANGUAGES_OF.get(hashes[t]);
    if (languages !== undefined) for (const language of languages) votes[language]++;
  }
  let best = 0;
  for (let l = 1; l < votes.length; l++) if (votes[l] > votes[best]) best = l;
  return votes[best] >= 3 ? best + 1 : 0;
}

/** The script of most of a text's letters: 1 Latin, 2 Chinese, Japanese or Korean, 3 another; 0 for no letters. */
export function scriptOf({ classes }: TextScan): number {
  const latin = classes[CharClass.letter] + classes[CharClass.upper];
  const [east, other] = [classes[CharClass.cjk], classes[CharClass.foreign]];
  if (latin + east + other === 0) return 0;
  return 2 * east > latin + other ? 2 : other > latin ? 3 : 1;
}

/** Words of at least so many letters between two tokens, hashed. */
export function wordsBetween(scan: TextScan, from: number, to: number, shortest: number): Set<number> {
  const found = new Set<number>();
  for (let t = from; t < to; t++) if (isWord(scan, t, shortest)) found.add(scan.hashes[t]);
  return found;
}

export function isWord({ ends, kinds, starts }: TextScan, t: number, shortest = 1): boolean {
  return kinds[t] < TokenKind.number && ends[t] - starts[t] >= shortest;
}

/** Whether a token is the first of its line. */
export function beginsLine({ ends, reader, starts }: TextScan, t: number): boolean {
  if (t === 0) return true;
  for (let i = ends[t - 1]; i < starts[t]; i++)
    if (reader.units[i] === 10 || reader.units[i] === 13) return true;
  return false;
}

/**
 * What answers say when something is amiss, or when all goes well, in several languages: whole words, whatever their
 * case. Apostrophes are tokens of their own, as everywhere in a scan.
 */
const PHRASES = {
  refusal: `
    i cannot | i can ' t | i can not | i won ' t | i ' m unable | i am unable | i am not able | i ' m not able | unable to
    | as an ai | as a language model | not appropriate | against my | must decline
    | ich kann nicht | kann ich nicht | ich kann leider | ist mir nicht möglich | als ki | als sprachmodell
    | je ne peux pas | je ne suis pas en mesure | en tant qu ' ia | no puedo | como modelo de lenguaje | non posso
    | não posso | kan ik niet | я не могу | не могу | 无法 | 不能 | できません | 할 수 없`,
  apology: `
    sorry | i apologize | i apologise | my apologies | unfortunately | leider | entschuldigung | désolé | malheureusement
    | lo siento | lamentablemente | mi dispiace | desculpe | infelizmente | helaas | извините | к сожалению | 抱歉 | 很遗憾
    | 申し訳 | 죄송`,
  unknowing: `
    not enough information | insufficient | cannot be determined | can not be determined | not specified | not provided
    | not given | does not say | does not specify | doesn ' t say | not possible | impossible to | i don ' t know
    | i do not know | unknown | unclear | more information | more context | nicht genug | nicht angegeben | weiß ich nicht
    | unklar | pas assez d | je ne sais pas | inconnu | no se especifica | no sé | no lo sé | desconocido | non so
    | não sei | onbekend | неизвестно | недостаточно | 不知道 | 不清楚 | わかりません`,
  hedge: `
    probably | perhaps | maybe | might | may be | could be | possibly | likely | seems | appears | assume | assuming
    | assumption | presumably | approximately | roughly | i think | i believe | i guess | not sure | wahrscheinlich
    | vielleicht | vermutlich | ungefähr | angenommen | peut - être | probablement | sans doute | environ | quizás | tal vez
    | probablemente | aproximadamente | forse | probabilmente | talvez | provavelmente | misschien | waarschijnlijk
    | возможно | вероятно | наверное | 可能 | 大概 | 也许 | かもしれません | おそらく`,
  correction: `
    wait | actually | mistake | correction | let me re | re - check | recheck | reconsider | on second thought | oops
    | incorrect | i was wrong | try again | however | moment mal | tatsächlich | korrektur | fehler | en fait | erreur
    | correction | en realidad | espera | corrección | aspetta | in realtà | na verdade | eigenlijk | на самом деле | ошибка
    | 等等 | 其实 | 实际上`,
  conclusion: `
    therefore | thus | hence | so the | in total | in conclusion | finally | as a result | folglich | somit | insgesamt
    | also ist | donc | ainsi | au total | por lo tanto | por tanto | entonces | en total | quindi | pertanto | portanto
    | logo | dus | следовательно | значит | итого | 因此 | 所以 | したがって | つまり`,
  sequence: `
    step | first | second | third | next | then | schritt | zuerst | dann | danach | étape | d ' abord | ensuite | paso
    | primero | luego | después | prima | poi | primeiro | depois | eerst | daarna | шаг | сначала | затем | 首先 | 然后 | 第`,
  setting: `
    we need to | we know | let ' s | let us | we can | to find | to solve | to determine | given that | we have to
    | let x | let y | equation | variable | wir müssen | wir wissen | il faut | on sait | necesitamos | sabemos | dobbiamo
    | precisamos | нам нужно | 我们需要 | 我们知道 | 设`,
} as const;

export type PhraseKind = keyof typeof PHRASES;
export const PHRASE_KINDS = Object.keys(PHRASES) as readonly PhraseKind[];

interface Phrase {
  readonly kind: number;
  /** Hashes of the tokens after the first. */
  readonly rest: readonly number[];
}

/** First token → the phrases that begin with it. */
export type PhraseIndex = ReadonlyMap<number, readonly Phrase[]>;

export function buildPhraseIndex(): PhraseIndex {
  const index = new Map<number, Phrase[]>();
  const scan = createTextScan();
  PHRASE_KINDS.forEach((name, kind) => {
    for (const phrase of PHRASES[name].split('|')) {
      scanText(phrase.trim(), scan);
      const [first, ...rest] = scan.hashes.subarray(0, scan.tokens);
      const known = index.get(first);
      if (known === undefined) index.set(first, [{ kind, rest }]);
      else known.push({ kind, rest });
    }
  });
  return index;
}

/** How often phrases of each kind are there: `[PHRASE_KINDS.length]`. */
export function countPhrases(scan: TextScan, index: PhraseIndex): Int32Array {
  const counts = new Int32Array(PHRASE_KINDS.length);
  for (let t = 0; t < scan.tokens; t++) {
    const phrases = index.get(scan.hashes[t]);
    if (phrases === undefined) continue;
    for (const { kind, rest } of phrases) {
      let at = 0;
      while (at < rest.length && t + 1 + at < scan.tokens && scan.hashes[t + 1 + at] === rest[at]) at++;
      if (at === rest.length) counts[kind]++;
    }
  }
  return counts;
}
