export type { Judge, JudgeAnswer, Judged } from './judge.ts';
export { type JudgeAnswersOptions, judgeAnswers, type Verdict } from './judge-answers.ts';
export { openJudge } from './open-judge.ts';
export { VerdictCache } from './verdict-cache.ts';
