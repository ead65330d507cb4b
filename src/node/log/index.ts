export { createFileSink, type FileSinkOptions, openDecisionLog } from '../file-sink.ts';
