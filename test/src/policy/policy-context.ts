import type { Signals } from 'pointsman';
import type { PolicyContext, PolicyOverrides, Predictions, RequestNeeds } from 'pointsman/internal';
import type { Uncertainty } from '../../../src/policy/uncertainty.ts';

export const SIGNALS: Signals = {
  task: 'question',
  taskConfidence: 0.9,
  complexity: 0.3,
  tokens: 50,
  language: 'en',
  codeShare: 0,
  mathsShare: 0,
  modalities: ['text'],
  tools: 0,
  structured: false,
  turns: 1,
  userTurn: 0,
  toolResults: 0,
  toolErrors: 0,
  stall: 0,
  conversationTokens: 0,
  quality: 'standard',
  latencyBudgetMs: null,
  costBudgetUsd: null,
  tier: '',
  load: {},
};

export interface ContextParts {
  readonly predictions: Predictions;
  readonly needs?: Partial<RequestNeeds>;
  readonly overrides?: PolicyOverrides;
  readonly signals?: Partial<Signals>;
  /** @default null */
  readonly novelty?: number | null;
  /** @default not known */
  readonly uncertainty?: Uncertainty;
  /** What is drawn. @default 0 */
  readonly random?: number;
}

/** A context of plain values, for policies that are tested without a router. */
export function policyContext(parts: ContextParts): PolicyContext {
  const signals = { ...SIGNALS, ...parts.signals };
  return {
    predictions: parts.predictions,
    needs: { tokens: 10, modalities: ['text'], tools: false, ...parts.needs },
    overrides: parts.overrides ?? {},
    signals: () => signals,
    novelty: () => parts.novelty ?? null,
    uncertainty: () => parts.uncertainty,
    random: () => parts.random ?? 0,
  };
}
