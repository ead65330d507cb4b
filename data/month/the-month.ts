import type { MonthOptions } from './simulate-month.ts';

/** The month of the test and of the figure. */
export const THE_MONTH: Omit<MonthOptions, 'folder'> = {
  days: 30,
  perDay: 250,
  historyDays: 10,
  pool: 1000,
  candidates: ['cas', 'generalist', 'js-sandbox', 'language', 'mathjs'],
  events: {
    degrade: { day: 10, candidate: 'js-sandbox', to: 'regex-calculator', share: 0.6 },
    reprice: { day: 20, candidate: 'mathjs', factor: 3 },
  },
  poison: { day: 25, extra: 1000 },
  seed: 11,
  dimensions: 32,
  config: {
    train: {
      seed: 1,
      heads: ['linear'],
      folds: 3,
      resamples: 100,
      ngrams: { dimensions: 8, buckets: 4096, wordOrder: 1 },
      split: { fit: 0.75, calibrate: 0.15, test: 0.1 },
      policy: {
        kind: 'explore',
        method: 'softmax',
        temperature: 0.1,
        policy: { kind: 'utility', weights: { quality: 1, cost: 0.02, latency: 0 } },
      },
    },
    traffic: { learnDays: 16, holdoutDays: 3, holdoutPrompts: 300 },
    keep: 4,
  },
};
