import { createRandom } from '../math/random.ts';
import { readSignals } from '../signals/read-signals.ts';
import { buildPolicy } from './build-policy.ts';
import { handOver } from './hand-over.ts';
import type { PolicyKit } from './policy-kit.ts';

/**
 * Every kind of policy, for routers that are made by hand.
 *
 * @example
 * const router = createRouter(artifact, { policies, compile: compileCel });
 */
export const policies: PolicyKit = { build: buildPolicy, createRandom, handOver, readSignals };
