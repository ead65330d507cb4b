export { releaseBatch } from './quarantine.ts';
export { importTable, tableOfEarlierVersion } from './read-store.ts';
export { retrain } from './retrain.ts';
export type { RetrainOptions } from './retrain-options.ts';
export type { Restated, RetrainRun, RunTraffic } from './retrain-run.ts';
export { type ScheduleOptions, scheduleRetrain } from './schedule-retrain.ts';
export { RUNS_FOLDER } from './write-run.ts';
