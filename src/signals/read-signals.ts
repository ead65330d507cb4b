import {
  SIGNALS,
  type SignalInput,
  type SignalReader,
  type SignalSources,
  type Signals,
  type TaskGuess,
} from './signals.ts';

/** What rules are worth: they do not know how sure they are. */
const RULES_CONFIDENCE = 0.5;

/** Signals, and which of them were looked at. */
export interface SeenSignals extends Signals {
  /** Those that the caller set, and those that were read since. */
  readonly seen: Readonly<Partial<Signals>>;
}

/** What the caller says counts; the rest is computed when it is read, once. */
export function readSignals(
  input: SignalInput,
  sources: SignalSources,
  given: Partial<Signals>,
): SeenSignals {
  return new LazySignals(input, sources, given) as object as SeenSignals;
}

/** Has a getter for each signal. */
const LazySignals = /* @__PURE__ */ withGetters(
  class {
    readonly seen: { [name: string]: unknown };
    readonly reader: SignalReader;

    constructor(input: SignalInput, sources: SignalSources, given: Partial<Signals>) {
      this.seen = { ...given };
      this.reader = new Reader(input, sources, given.task !== undefined, this as object as Signals);
    }
  },
);

function withGetters<Lazy extends { readonly prototype: object }>(lazy: Lazy): Lazy {
  for (const [name, { read }] of Object.entries(SIGNALS)) {
    Object.defineProperty(lazy.prototype, name, {
      get(this: { readonly seen: { [name: string]: unknown }; readonly reader: SignalReader }) {
        const seen = this.seen[name];
        if (seen !== undefined) return seen;
        const value = read(this.reader);
        this.seen[name] = value;
        return value;
      },
    });
  }
  return lazy;
}

class Reader implements SignalReader {
  readonly input: SignalInput;
  readonly sources: SignalSources;
  readonly isTaskGiven: boolean;
  readonly #signals: Pick<Signals, 'codeShare' | 'mathsShare'>;
  #shares: CodeAndMaths | undefined;
  #task: TaskGuess | undefined;

  /** @param signals of the same request, which may be the caller's */
  constructor(
    input: SignalInput,
    sources: SignalSources,
    isTaskGiven: boolean,
    signals: Pick<Signals, 'codeShare' | 'mathsShare'>,
  ) {
    this.input = input;
    this.sources = sources;
    this.isTaskGiven = isTaskGiven;
    this.#signals = signals;
  }

  codeAndMaths(): CodeAndMaths {
    this.#shares ??= codeAndMaths(this.input.prompt.text);
    return this.#shares;
  }

  task(): TaskGuess {
    if (this.#task !== undefined) return this.#task;
    const { classifyTask, prompt } = this.input;
    // Which of them are looked at is told in the decision.
    this.#task = classifyTask?.() ?? {
      task: taskByRules(prompt.text, this.#signals.codeShare, this.#signals.mathsShare),
      confidence: RULES_CONFIDENCE,
    };
    return this.#task;
  }
}

/** Shares of the visible characters of a text, 0 to 1. */
interface CodeAndMaths {
  readonly codeShare: number;
  readonly mathsShare: number;
}

/** Lines that are written in few texts and in most programs. */
const CODE_LINE =
  /^\s*(?:(?:def|class|fn|func|function|public|private|static|import|from\s+\S+\s+import|#include|package|const|let|var|return|async|SELECT\s.+\sFROM|for|while|if|elif|else|try|catch)\b.*[({;:=]\s*\S*$|.*[;{}]\s*$|[\w.[\]"']+\s*(?:=|\+=|:=)\s*\S+.*[()[\]{}"'].*$|<\/?[a-zA-Z][^<>]*>)|^\s+(?:return|yield|raise|print|break|continue|pass|self|this)\b/;

/** A call, an arrow, a comparison of programs: `x.sort(`, `=>`, `===`, `!=`, `->`. */
const CODE_INLINE = /`[^`\n]+`|\b[a-z_]\w*(?:\.\w+)+\([^()\n]*\)|\b[a-z]+_\w+\([^()\n]*\)|=>|===|!==|!=|::/g;
const FORMULA =
  /\$\$?[^$\n]+\$\$?|\\[([][^\n]*?\\[)\]]|\\[a-z]+\{[^{}\n]*\}|(?:[\w.()²³^]+\s*[-+*/^=<>≤≥×÷·±√∫∑]\s*)+[\w.()²³^]*\d[\w.()²³^]*|\d[\w.()]*(?:\s*[-+*/^=<>≤≥×÷·±√]\s*[\w.()]+)+|[∀∃∈∑∏∫√∞≤≥≠≈±×÷∂∇]/g;

/** Without one of these there is no formula: most lines have none, and need not be searched. */
const MAYBE_FORMULA = /[\d$\\\u2200-\u22ff]/;

/** Prompts longer than this are judged by their beginning. */
const LONGEST_SCAN = 20_000;

/** A line longer than this is prose or data; expressions are not tried on it. */
const LONGEST_LINE = 500;

/**
 * How much of a text is code and how much formulas: fenced blocks, lines that look like a program, inline code; of
 * the rest, what stands in TeX or chains of operators with numbers.
 */
function codeAndMaths(text: string): CodeAndMaths {
  let code = 0;
  let maths = 0;
  let visible = 0;
  let fenced = false;
  for (const line of text.slice(0, LONGEST_SCAN).split('\n')) {
    const size = countVisible(line);
    visible += size;
    if (line.trimStart().startsWith('```')) {
      fenced = !fenced;
      code += size;
    } else if (fenced) code += size;
    else if (line.length <= LONGEST_LINE) {
      if (CODE_LINE.test(line)) code += size;
      else {
        code += matched(line, CODE_INLINE);
        if (MAYBE_FORMULA.test(line)) maths += matched(line, FORMULA);
      }
    }
  }
  if (visible === 0) return { codeShare: 0, mathsShare: 0 };
  return { codeShare: code / visible, mathsShare: Math.min(maths, visible - code) / visible };
}

function matched(line: string, expression: RegExp): number {
  let sum = 0;
  for (const [found] of line.matchAll(expression)) sum += countVisible(found);
  return sum;
}

function countVisible(text: string): number {
  let count = 0;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 32) count++;
  return count;
}

/** A task without a trained classifier, read off the words. */
type RuleTask =
  | 'code'
  | 'maths'
  | 'translation'
  | 'summary'
  | 'classification'
  | 'writing'
  | 'question'
  | 'other';

const TRANSLATION =
  /\btranslat(?:e|ion|ing)\b|\b(?:in|into|to) (?:french|german|spanish|italian|chinese|japanese|english)\b/i;
const SUMMARY = /\b(?:summari[sz]e|summary|tl;?dr|shorten|key points)\b/i;
const CLASSIFICATION = /\b(?:classify|categori[sz]e|label|sentiment|extract|which of the following)\b/i;
const WRITING = /\b(?:write|draft|compose|rewrite|rephrase)\b/i;
const CODE_WORDS =
  /\b(?:python|javascript|typescript|java|sql|regex|c\+\+|rust|bash|html|css|function|algorithm|unit test|stack trace|compile)\b/i;
const MATHS_WORDS =
  /\b(?:solve|calculate|compute|evaluate|integral|derivative|equation|how many|how much|percent|probability|prove that)\b/i;
const QUESTION = /\?\s*$|^\s*(?:what|which|who|when|where|why|how|is|are|can|does|do)\b/i;
const LONGEST_START = 2_000;

/** The first of these that fits: what is asked for before what it is about. */
function taskByRules(text: string, codeShare: number, mathsShare: number): RuleTask {
  const start = text.slice(0, LONGEST_START);
  if (TRANSLATION.test(start)) return 'translation';
  if (SUMMARY.test(start)) return 'summary';
  if (codeShare > 0.2 || CODE_WORDS.test(start)) return 'code';
  if (mathsShare > 0.1 || (MATHS_WORDS.test(start) && /\d/.test(start))) return 'maths';
  if (CLASSIFICATION.test(start)) return 'classification';
  if (WRITING.test(start)) return 'writing';
  return QUESTION.test(start) ? 'question' : 'other';
}
