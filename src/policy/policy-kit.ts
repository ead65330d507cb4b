import type { readSignals } from '../signals/read-signals.ts';
import type { buildPolicy } from './build-policy.ts';

/** Every kind of policy, and what they look at requests with. */
export interface PolicyKit {
  readonly build: typeof buildPolicy;
  readonly readSignals: typeof readSignals;
}
