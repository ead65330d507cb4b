import type { Decision, PlanStep, Request, RouteOptions } from 'pointsman';

/** A router that decides as it is told, and remembers what it was asked. */
export function scriptedRouter(plan: PlanStep, ...fallback: string[]) {
  const asked: { readonly request: Request; readonly options: RouteOptions | undefined }[] = [];
  const candidate = plan.kind === 'call' ? plan.candidate : 'small';
  const decision: Decision = {
    candidate,
    confidence: 0.9,
    probabilities: { [candidate]: 1 },
    predictions: [
      { candidate, successProbability: 0.9, expectedCostUsd: null, expectedLatencyMs: null, utility: 0.9 },
    ],
    margin: null,
    plan,
    fallback,
    propensity: 1,
    whatWouldChangeIt: [],
    signals: {},
    reasons: ['As told.'],
    policyPath: ['scripted'],
    artifactId: 'scripted-1',
    routerMs: 1,
  };
  return {
    asked,
    manifest: {
      id: 'scripted-1',
      candidates: ['small', 'large'].map((name) => ({
        name,
        inputPricePerMillionTokens: 1,
        outputPricePerMillionTokens: 10,
        meanCostUsd: null,
        meanLatencyMs: null,
      })),
    },
    async route(request: Request, options?: RouteOptions) {
      asked.push({ request, options });
      return decision;
    },
  };
}
