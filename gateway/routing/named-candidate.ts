import type { Decision, Request, Router } from 'pointsman';
import type { DecisionLog } from 'pointsman/log';
import type { Routers } from './routers.ts';

/** Goes into `policyPath` of a decision that the client made: its propensity says nothing of any router. */
const NAMED = 'named';

/**
 * A decision for the candidate that a request names, as a router would make it: with what a router that knows the
 * candidate expects of it, and taken down like any other.
 */
export async function decideNamed(
  candidate: string,
  request: Request,
  routers: Routers,
  log: DecisionLog,
): Promise<Decision> {
  const started = performance.now();
  const expected = await expectationOf(candidate, request, routers);
  const decision: Decision = {
    candidate,
    confidence: expected.successProbability,
    probabilities: { [candidate]: 1 },
    predictions: [{ candidate, ...expected, utility: expected.successProbability }],
    margin: null,
    plan: { kind: 'call', candidate },
    fallback: [],
    propensity: 1,
    whatWouldChangeIt: [],
    signals: {},
    reasons: [
      `The request names ${candidate}.`,
      ...(expected.artifactId === null ? ['No router knows it, so nothing is expected of it.'] : []),
    ],
    policyPath: [NAMED],
    artifactId: expected.artifactId ?? 'none',
    routerMs: performance.now() - started,
  };
  return { id: log.decided(decision, request), ...decision };
}

interface Expectation {
  /** 0 where no router knows the candidate. */
  readonly successProbability: number;
  readonly expectedCostUsd: number | null;
  readonly expectedLatencyMs: number | null;
  readonly artifactId: string | null;
}

const UNKNOWN: Expectation = {
  successProbability: 0,
  expectedCostUsd: null,
  expectedLatencyMs: null,
  artifactId: null,
};

/** Of the default router first, then of the others. */
async function expectationOf(candidate: string, request: Request, routers: Routers): Promise<Expectation> {
  const names = [routers.defaultName, ...routers.names].filter((name) => name !== undefined);
  for (const name of names) {
    const router = routers.get(name) as Router;
    const c = router.manifest.candidates.findIndex((known) => known.name === candidate);
    if (c === -1) continue;
    try {
      const { costUsd, latencyMs, success } = await router.predict(request);
      return {
        successProbability: success[c],
        expectedCostUsd: nullable(costUsd[c]),
        expectedLatencyMs: nullable(latencyMs[c]),
        artifactId: router.manifest.id,
      };
    } catch {
      // A request that no router reads may be one that the upstream does.
      return UNKNOWN;
    }
  }
  return UNKNOWN;
}

function nullable(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
