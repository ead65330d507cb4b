import type { Random } from 'pointsman/internal';
import type { Expected } from '../grading/expected.ts';

/** One question with its known answer, before it is dressed as a prompt. */
export interface Puzzle {
  readonly text: string;
  readonly expected: Expected;
  /** Wrong answers for a multiple-choice form; absent when the question has no such form. */
  readonly wrong?: readonly string[];
}

/** A kind of task that can be set without end. */
export interface Family {
  readonly name: string;
  /** @param difficulty 0 (easiest) to 1: larger numbers, more steps, rarer wordings. */
  make(random: Random, difficulty: number): Puzzle;
}
