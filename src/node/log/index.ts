export { createFileSink } from './create-file-sink.ts';
export type { FileSinkOptions } from './file-sink-options.ts';
export { openDecisionLog } from './open-decision-log.ts';
