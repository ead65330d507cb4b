import type { LogReader } from './log-entry.ts';
import type { LogFormat } from './log-format.ts';
import { pointsmanLog } from './pointsman-log.ts';

/** The reader of each format that is no table. */
export const LOG_READERS: Readonly<Record<Exclude<LogFormat, 'table'>, LogReader>> = {
  pointsman: pointsmanLog,
};
