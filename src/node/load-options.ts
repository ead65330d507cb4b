import type { DecisionLog } from '../log/decision-log.ts';
import type { RouterOptions } from '../router/router-options.ts';
import type { WatchOptions } from './watch-options.ts';

export interface LoadOptions extends Omit<RouterOptions, 'log'> {
  /**
   * Takes down every decision: a log, or the folder that one is to be kept in, which `router.close()` closes.
   * @default none
   */
  readonly log?: DecisionLog | string;
  /** Whether to go over to another version as soon as `current.json` names it. @default false */
  readonly watch?: boolean | WatchOptions;
}
