import { type Advice, adviceOn, type CanaryRules, Trial } from '../../../gateway/canary/trial.ts';

export const RULES: CanaryRules = {
  steps: [0.01, 0.1, 0.5, 1],
  minRatings: 20,
  minRequests: 0,
  maxRegret: 0.05,
  maxErrorIncrease: 0.02,
  alpha: 0.05,
};

/** Mulberry32. */
export function randomOf(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A trial from its first step until it is decided, or `most` requests are over. */
function run(
  seed: number,
  {
    errors = [0.02, 0.02],
    most,
    quality,
    rules = RULES,
  }: {
    quality: readonly [champion: number, canary: number];
    errors?: readonly [champion: number, canary: number];
    most: number;
    rules?: CanaryRules;
  },
): Advice['action'] {
  const random = randomOf(seed);
  const trial = new Trial(rules);
  let step = 0;
  let since = { ratings: 0, requests: 0 };
  for (let n = 1; n <= most; n++) {
    const isCanary = random() < rules.steps[step];
    const arm = isCanary ? 'canary' : 'champion';
    // What is hard is hard for both: a wave of bad days.
    const wave = 0.1 * Math.sin(n / 400);
    trial.ended(arm, random() < errors[Number(isCanary)]);
    if (random() < 0.5) trial.rated(arm, Number(random() < quality[Number(isCanary)] + wave), null);
    if (n % 10 !== 0) continue;
    const { evidence } = trial;
    const { action } = adviceOn(evidence, rules, step, since);
    if (action === 'wait') continue;
    if (action !== 'step') return action;
    step++;
    since = { ratings: evidence.ratings.canary.count, requests: evidence.requests.canary.count };
  }
  return 'wait';
}

/** @returns shares of what came of many trials. */
export function runs(trials: number, of: Parameters<typeof run>[1]) {
  const results = Array.from({ length: trials }, (_, seed) => run(seed + 1, of));
  const share = (action: Advice['action']) => results.filter((one) => one === action).length / trials;
  return { promoted: share('promote'), rolledBack: share('roll-back') };
}
