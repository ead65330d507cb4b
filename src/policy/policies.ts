import { readSignals } from '../signals/read-signals.ts';
import { BASIC_POLICIES } from './basic-policies.ts';
import type { PolicyMakers } from './build-policy.ts';
import { createCascadePolicy } from './cascade-policy.ts';
import { createEnsemblePolicy } from './ensemble-policy.ts';
import { createExplorePolicy } from './explore-policy.ts';
import { createHierarchicalPolicy } from './hierarchical-policy.ts';
import type { PolicyKit } from './policy-kit.ts';
import { createRouterPolicy } from './router-policy.ts';
import { createRulesPolicy } from './rules-policy.ts';
import { createSpeculativePolicy } from './speculative-policy.ts';
import { createToolsPolicy } from './tools-policy.ts';

const makers: PolicyMakers = {
  ...BASIC_POLICIES,
  rules: createRulesPolicy,
  cascade: createCascadePolicy,
  ensemble: createEnsemblePolicy,
  speculative: createSpeculativePolicy,
  hierarchical: createHierarchicalPolicy,
  router: createRouterPolicy,
  tools: createToolsPolicy,
  explore: createExplorePolicy,
};

/**
 * Every kind of policy, for routers that are made by hand.
 *
 * @example
 * const router = createRouter(artifact, { policies, compile: compileCel });
 */
export const policies: PolicyKit = { makers, readSignals };
