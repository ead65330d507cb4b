export type { Alarm } from './alarm.ts';
export { type DriftOptions, type DriftReport, findDrift } from './find-drift.ts';
export { type CandidateShift, type DayResidual, findShifts, type ShiftMeasure } from './find-shifts.ts';
export { categoryStability, type PopulationStability, populationStability } from './population-stability.ts';
export { DAY_MS, dayName, dayOf, type ScoredTraffic } from './scored-traffic.ts';
export { type TwoSampleOptions, type TwoSampleResult, twoSampleTest } from './two-sample-test.ts';
