import { toNanoUsd } from './key-record.ts';
import { OutageState } from './outage-state.ts';
import { openSqliteState } from './sqlite-state.ts';
import type { GatewayState } from './state.ts';

/** How a state is opened, and what happens when it cannot be reached. */
export interface StateOptions {
  /** Whether requests are decided on here; of a file, one process at a time may. @default true */
  readonly decides?: boolean;
  /** What happens to requests while Redis does not answer: none is let through, or those that an allowance covers. @default 'refuse' */
  readonly onUnreachable?: 'refuse' | 'allow';
  /** US dollars that each gateway may let each key that has a budget spend a day while Redis does not answer. @default 1 */
  readonly allowanceUsd?: number;
  /** Milliseconds that Redis has to answer. @default 500 */
  readonly timeoutMs?: number;
  /** Gateways of one name share their keys and budgets in a Redis. @default 'main' */
  readonly namespace?: string;
  /** Told when a file cannot be written, or the connection breaks; it is tried again. */
  readonly onError?: (error: unknown) => void;
}

/**
 * The state of keys and budgets.
 *
 * @param where the path of a file, for one gateway; or `redis://...` or `rediss://...`, for several.
 * @throws InvalidInputError for a file that is something else, or that another gateway decides with.
 */
export async function openGatewayState(where: string, options: StateOptions = {}): Promise<GatewayState> {
  if (!/^rediss?:\/\//.test(where)) return openSqliteState(where, options);
  const { RedisState } = await import('./redis-state.ts');
  const redis = new RedisState(where, options);
  await redis.connect();
  const { allowanceUsd, onUnreachable } = options;
  return new OutageState(redis, {
    ...(onUnreachable === undefined ? {} : { onUnreachable }),
    ...(allowanceUsd === undefined ? {} : { allowanceNanoUsd: toNanoUsd(allowanceUsd, '`allowanceUsd`') }),
  });
}
