import type { Embedder } from '../embedder/embedder.ts';
import type { DecisionLog } from '../log/decision-log.ts';
import type { CompileExpression } from '../policy/expression.ts';
import type { PolicyKit } from '../policy/policy-kit.ts';
import type { PolicySpec } from '../policy/spec.ts';
import type { SignalSources } from '../signals/signal-sources.ts';
import type { Router } from './router.ts';

export interface RouterOptions extends SignalSources {
  /** The embedder that the router was trained with. @default the static one that the artifact carries */
  readonly embedder?: Embedder;
  /** How to choose. @default the policy in the manifest */
  readonly policy?: PolicySpec;
  /**
   * More kinds of policy than `utility` and `classifier`: `policies` of `pointsman/policy`.
   * @default none; `loadRouter` loads them when the policy is of such a kind
   */
  readonly policies?: PolicyKit;
  /**
   * Reads the expressions of a `rules` policy: `compileCel` of `pointsman/cel`.
   * @default none; `loadRouter` loads it when the policy has rules
   */
  readonly compile?: CompileExpression;
  /** Routers that a `router` policy hands over to, by name. @default {} */
  readonly routers?: Readonly<Record<string, Router>>;
  /** Seed of what an `explore` policy draws. @default drawn at start, so that two processes explore differently */
  readonly seed?: number;
  /** Takes down every decision: `createDecisionLog` of `pointsman/log`. Routing never waits for it. @default none */
  readonly log?: DecisionLog;
}
