export type { OutcomeMatrix, PromptRecord } from './outcomes/outcome-matrix.ts';
export type { OutcomeRow } from './outcomes/outcome-row.ts';
export type { Split, SplitRole, Splits } from './split/split.ts';
