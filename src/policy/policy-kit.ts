import type { readSignals } from '../signals/read-signals.ts';
import type { PolicyMakers } from './build-policy.ts';

/** Kinds of policy, and what they look at requests with. */
export interface PolicyKit {
  readonly makers: PolicyMakers;
  readonly readSignals: typeof readSignals;
}
