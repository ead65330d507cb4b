import type { createRandom } from '../math/random.ts';
import type { readSignals } from '../signals/read-signals.ts';
import type { buildPolicy } from './build-policy.ts';
import type { handOver } from './hand-over.ts';

/** Every kind of policy, and what only they need: no router of a basic policy loads it. */
export interface PolicyKit {
  readonly build: typeof buildPolicy;
  /** What is drawn with. */
  readonly createRandom: typeof createRandom;
  /** Carries out a plan that names another router. */
  readonly handOver: typeof handOver;
  /** What requests are looked at with. */
  readonly readSignals: typeof readSignals;
}
