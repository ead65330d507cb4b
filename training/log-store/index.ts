export { type CompactOptions, compactLog } from './compact-log.ts';
export type { CompactReport } from './compact-report.ts';
export { type LogFile, listLogFiles } from './log-files.ts';
export { type ReadLogOptions, readDecisionLog } from './read-decision-log.ts';
