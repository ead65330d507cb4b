import type { Decision } from 'pointsman';

/** A decision as a router makes it. */
export function aDecision(more: Partial<Decision> = {}): Decision {
  return {
    candidate: 'mini',
    confidence: 0.8,
    probabilities: { mini: 0.6, pro: 0.4 },
    predictions: [
      {
        candidate: 'mini',
        successProbability: 0.8,
        expectedCostUsd: 0.001,
        expectedLatencyMs: 400,
        utility: 0.7,
      },
      {
        candidate: 'pro',
        successProbability: 0.9,
        expectedCostUsd: null,
        expectedLatencyMs: null,
        utility: 0.6,
      },
    ],
    margin: 0.1,
    plan: { kind: 'call', candidate: 'mini' },
    fallback: ['pro'],
    propensity: 1,
    whatWouldChangeIt: [],
    signals: { tier: 'free', task: 'sum' },
    reasons: ['It is the best.'],
    policyPath: ['utility'],
    artifactId: 'tiny-0123456789ab',
    routerMs: 0.1,
    ...more,
  };
}
