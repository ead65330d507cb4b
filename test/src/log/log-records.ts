import type { LogRecord } from 'pointsman/log';

const AT = '2026-11-25T03:36:47.123Z';

/** One record of each kind, with every field. */
export const RECORDS: readonly LogRecord[] = [
  {
    schemaVersion: 1,
    kind: 'decision',
    id: '0b2a4d0e-6a0b-4a40-8b1e-6f3c7f0f4c11',
    at: AT,
    artifactId: 'support-0123456789ab',
    policyPath: ['explore:epsilon-greedy', 'utility'],
    candidate: 'mini',
    propensity: 0.95,
    propensities: { mini: 0.95, pro: 0.05 },
    confidence: 0.81,
    probabilities: { mini: 0.6, pro: 0.4 },
    predictions: [
      { candidate: 'mini', successProbability: 0.81, expectedCostUsd: 0.0002, expectedLatencyMs: 410 },
      { candidate: 'pro', successProbability: 0.9, expectedCostUsd: null, expectedLatencyMs: null },
    ],
    signals: { tier: 'free', task: 'sum' },
    promptHash: 'a'.repeat(64),
    request: { messages: [{ role: 'user', content: 'What is 17 * 23?' }] },
    embedding: [0.5, -0.25],
    task: 'sum',
    tier: 'free',
  },
  {
    schemaVersion: 1,
    kind: 'outcome',
    id: '0b2a4d0e-6a0b-4a40-8b1e-6f3c7f0f4c11',
    at: AT,
    candidate: 'pro',
    status: 'answered',
    costUsd: 0.001,
    costSource: 'reported',
    latencyMs: 640,
    inputTokens: 12,
    outputTokens: 40,
    totalCostUsd: 0.0012,
    totalLatencyMs: 1100,
    error: 'TIMEOUT',
    refused: { costUsd: '-5' },
  },
  {
    schemaVersion: 1,
    kind: 'feedback',
    id: '0b2a4d0e-6a0b-4a40-8b1e-6f3c7f0f4c11',
    at: AT,
    quality: 1,
    candidate: 'pro',
    source: 'user',
  },
  { schemaVersion: 1, kind: 'dropped', at: AT, count: 12 },
  { schemaVersion: 1, kind: 'file', at: AT, state: 'opened', closesAt: AT },
  { schemaVersion: 1, kind: 'file', at: AT, state: 'closed' },
];
