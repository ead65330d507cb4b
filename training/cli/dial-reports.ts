import type { Artifact } from 'pointsman/artifact';
import { hasWeights } from '../evaluate/dial.ts';
import type { Dial } from '../evaluate/evaluation.ts';
import { readDial } from '../evaluation/read-dial.ts';

const METRICS = 'metrics.json';

/** The dial in an artifact's report; null where it has none. @param artifact read with its reports */
export function dialOf({ reports }: Pick<Artifact, 'reports'>): Dial | null {
  const metrics = reports?.files.get(METRICS);
  return metrics === undefined ? null : readDial(metrics);
}

/**
 * What goes along of the reports where the policy alone changes: the heads are as they were, and so is what each setting of
 * the dial is worth.
 * @param sentence what was done, and what it is worth: what `pointsman inspect` says first
 */
export function dialReports(
  artifact: Pick<Artifact, 'reports'>,
  policy: unknown,
  sentence: string,
): ReadonlyMap<string, Uint8Array> {
  const dial = dialOf(artifact);
  if (dial === null) return new Map();
  const inUse =
    dial.settings.find(({ weights }) => weights !== null && hasWeights(policy, weights))?.id ?? null;
  const isExploring = (policy as { kind?: unknown }).kind === 'explore';
  const metrics = { schemaVersion: 1, verdict: { sentence }, dial: { ...dial, inUse, isExploring } };
  return new Map([[METRICS, new TextEncoder().encode(`${JSON.stringify(metrics, null, 2)}\n`)]]);
}
