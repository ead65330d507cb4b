import { createHash } from 'node:crypto';
import { createDecisionLog } from '../../log/create-decision-log.ts';
import type { DecisionLog } from '../../log/decision-log.ts';
import type { DecisionLogOptions } from '../../log/decision-log-options.ts';
import { createFileSink } from './create-file-sink.ts';
import type { FileSinkOptions } from './file-sink-options.ts';

/**
 * A decision log in a folder: {@link createDecisionLog} before {@link createFileSink}.
 *
 * @example
 * const log = openDecisionLog('logs/decisions', { content: 'hash' });
 */
export function openDecisionLog(
  folder: string,
  options: Omit<DecisionLogOptions, 'sink'> & Omit<FileSinkOptions, 'folder'> = {},
): DecisionLog {
  const { maxBytes, maxAgeMs, fsync, now, ...rest } = options;
  const sink = createFileSink({
    folder,
    ...(maxBytes === undefined ? {} : { maxBytes }),
    ...(maxAgeMs === undefined ? {} : { maxAgeMs }),
    ...(fsync === undefined ? {} : { fsync }),
    ...(now === undefined ? {} : { now }),
  });
  // At once, where Web Crypto takes a turn for each prompt.
  const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
  return createDecisionLog({ sha256, ...rest, sink });
}
