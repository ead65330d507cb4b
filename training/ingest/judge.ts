/** What a judge looks at. */
export interface Judged {
  /** What the user said. */
  readonly prompt: string;
  /** The whole conversation, where there was one. */
  readonly messages?: readonly unknown[];
  readonly answer: string;
  readonly candidate: string;
}

/** Says how good an answer is, 0 to 1. */
export type JudgeAnswer = (judged: Judged) => number | Promise<number>;

/** A judge, and what it is known by: another judge is not asked what this one said. */
export interface Judge {
  readonly id: string;
  readonly judge: JudgeAnswer;
}
