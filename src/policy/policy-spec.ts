import type { Limits, RelaxableLimit } from './limits.ts';
import type { UtilityWeights, WeightsName } from './weights.ts';

interface Limited {
  /** Hard limits, checked before anything is compared. @default {} */
  readonly limits?: Limits;
  /** Limits that give way, first one first, when none is left. @default DEFAULT_RELAX; [] is an error instead */
  readonly relax?: readonly RelaxableLimit[];
}

/** arg max of quality · success − cost · cost / costliest mean cost − latency · latency / slowest mean latency. */
export interface UtilityPolicySpec extends Limited {
  readonly kind: 'utility';
  /** @default 'best' */
  readonly weights?: WeightsName | UtilityWeights;
}

/** arg max of the choice head. */
export interface ClassifierPolicySpec extends Limited {
  readonly kind: 'classifier';
  /** Under this probability of the first, choose `to` instead. @default never */
  readonly abstain?: { readonly below: number; readonly to: string };
}

/** How to choose, as data: it lives in the manifest, or in a configuration file. */
export type PolicySpec = UtilityPolicySpec | ClassifierPolicySpec;

/** What a trained router does unless the user says otherwise. */
export const DEFAULT_POLICY: PolicySpec = { kind: 'utility', weights: 'best' };
