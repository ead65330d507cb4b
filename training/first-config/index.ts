export { type ConfigDraft, type ConfigLine, draftConfig } from './config-lines.ts';
export { lookAtLog, ROWS_LOOKED_AT } from './look-at-log.ts';
