export { GATE_DEFAULTS, type GateOptions } from './gate-options.ts';
export type { GateTest, GateTestKind, GateVerdict } from './gate-verdict.ts';
export { type GateInput, judgeChallenger } from './judge-challenger.ts';
export { sayNightsSpent } from './nights-test.ts';
export { type Slicing, type ValueTable, type ValueTableInput, valueTable } from './value-table.ts';
export { weightedCalibration } from './weighted-calibration.ts';
