import type { BenchLine } from './bench-line.ts';

/** Measures on simulated traffic, of which the truth is known, whether a statistical promise is kept. Minutes at most. */
export type Simulation = (onProgress: (what: string) => void) => BenchLine[] | Promise<BenchLine[]>;

/**
 * Every simulation, by what is promised: a file of that name each. `--only simulations` runs them all, and
 * `--only simulations-NAME` one; each has its own file of results.
 */
export const SIMULATIONS: Readonly<Record<string, () => Promise<Simulation>>> = {
  'no-router': async () => (await import('./simulations/no-router.ts')).simulateNoRouter,
  'gate-nights': async () => (await import('./simulations/gate-nights.ts')).simulateGateNights,
  'fitted-propensities': async () =>
    (await import('./simulations/fitted-propensities.ts')).simulateFittedPropensities,
  'odd-columns': async () => (await import('./simulations/odd-columns.ts')).simulateOddColumns,
  'tied-scores': async () => (await import('./simulations/tied-scores.ts')).simulateTiedScores,
  drift: async () => (await import('./simulations/drift.ts')).simulateDrift,
  stability: async () => (await import('./simulations/stability.ts')).simulateStability,
  loss: async () => (await import('./simulations/loss.ts')).simulateLoss,
  guard: async () => (await import('./simulations/guard.ts')).simulateGuard,
  'shared-calibrator': async () =>
    (await import('./simulations/shared-calibrator.ts')).simulateSharedCalibrator,
  'unusual-candidate': async () =>
    (await import('./simulations/unusual-candidate.ts')).simulateUnusualCandidate,
  'heavy-weights': async () => (await import('./simulations/heavy-weights.ts')).simulateHeavyWeights,
  'nested-curve': async () => (await import('./simulations/nested-curve.ts')).simulateNestedCurve,
  'penalty-ends': async () => (await import('./simulations/penalty-ends.ts')).simulatePenaltyEnds,
  sessions: async () => (await import('./simulations/sessions.ts')).simulateSessions,
  copies: async () => (await import('./simulations/copies.ts')).simulateCopies,
};
