/** Settings that lose at most so much quality against always using the best single candidate. */
export const DIAL_LOSSES = { 'lose-1': 0.01, 'lose-2': 0.02, 'lose-5': 0.05 } as const;

/** Settings of the dial, from the highest quality to the lowest cost. */
export const DIAL_SETTINGS = ['best', 'lose-1', 'lose-2', 'lose-5', 'balanced', 'cheapest'] as const;

export type DialSettingId = (typeof DIAL_SETTINGS)[number];

const LABELS: Readonly<Record<DialSettingId, string>> = {
  best: 'best quality',
  'lose-1': 'lose at most 1 point',
  'lose-2': 'lose at most 2 points',
  'lose-5': 'lose at most 5 points',
  balanced: 'balanced',
  cheapest: 'cheapest',
};

/** "lose at most 2 points" */
export function settingLabel(id: DialSettingId): string {
  return LABELS[id];
}

/** Whether a setting keeps to a loss, and is found by testing; the others are named weights of a `utility` policy. */
export function isLossSetting(id: DialSettingId): id is keyof typeof DIAL_LOSSES {
  return id in DIAL_LOSSES;
}
