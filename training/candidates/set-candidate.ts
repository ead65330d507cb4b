import { type Candidate, InvalidInputError } from 'pointsman';
import type { Artifact, ManifestCandidate } from 'pointsman/artifact';
import type { SealedArtifact } from '../artifact/seal-artifact.ts';
import { meanTokensCost } from '../outcomes/learned-tokens.ts';
import { amendCandidate, findCandidate } from './retire-candidate.ts';

/** What may be said of a candidate without learning anything. */
export type CandidateSettings = Partial<Omit<Candidate, 'name' | 'retired'>>;

/**
 * A new version in which prices, limits or modalities of a candidate are others. Nothing is fitted again: where its tokens are
 * known, its costs are those at the new prices from the next request on. A retraining goes by its own config, so say it there, too.
 *
 * @throws InvalidInputError when there is no such candidate, or nothing changes
 */
export function setCandidate(
  artifact: Artifact,
  name: string,
  settings: CandidateSettings,
): Promise<SealedArtifact> {
  const candidate = findCandidate(artifact, name);
  const changed = Object.entries(settings).filter(
    ([field, value]) => JSON.stringify(candidate[field as keyof Candidate]) !== JSON.stringify(value),
  );
  if (changed.length === 0) {
    throw new InvalidInputError(
      `Settings of ${name} must change something, such as inputPricePerMillionTokens. Got ${JSON.stringify(settings)}.`,
    );
  }
  const what = changed.map(([field, value]) => `${field} ${JSON.stringify(value)}`).join(', ');
  const after = { ...candidate, ...settings };
  return amendCandidate(artifact, `Candidate ${name} was set to ${what}.`, {
    ...after,
    meanCostUsd: meanCostOf(candidate, after),
  });
}

/** The mean of the traffic, at the new prices. */
function meanCostOf(before: ManifestCandidate, after: ManifestCandidate): number | null {
  const [old, now] = [meanTokensCost(before), meanTokensCost(after)];
  if (now === null) return before.meanCostUsd;
  return old === null || before.meanCostUsd === null || old === 0 ? now : (before.meanCostUsd * now) / old;
}
