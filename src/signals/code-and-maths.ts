/** Shares of the visible characters of a text, 0 to 1. */
export interface CodeAndMaths {
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
const LONGEST = 20_000;

/** A line longer than this is prose or data; expressions are not tried on it. */
const LONGEST_LINE = 500;

/**
 * How much of a text is code and how much formulas: fenced blocks, lines that look like a program, inline code; of
 * the rest, what stands in TeX or chains of operators with numbers.
 */
export function codeAndMaths(text: string): CodeAndMaths {
  let code = 0;
  let maths = 0;
  let visible = 0;
  let fenced = false;
  for (const line of text.slice(0, LONGEST).split('\n')) {
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
