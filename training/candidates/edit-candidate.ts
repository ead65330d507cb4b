import { type Artifact, type Candidate, InvalidInputError } from 'pointsman';
import type { ManifestCandidate } from 'pointsman/internal';
import { type BuiltArtifact, editArtifact } from '../artifact/build-artifact.ts';
import { meanTokensCost } from '../outcomes/amounts.ts';

/**
 * A new version of a router that never chooses a candidate, nor falls back on it, whatever the policy. It stays known:
 * nothing is fitted again, and what is said of the others stays as it is.
 *
 * @throws InvalidInputError when there is no such candidate, it is retired already, or it is the last
 */
export function retireCandidate(artifact: Artifact, name: string): Promise<BuiltArtifact> {
  const candidate = findCandidate(artifact, name);
  if (candidate.retired === true) throw new InvalidInputError(`${name} is retired already.`);
  const { candidates } = artifact.manifest;
  if (candidates.every((other) => other === candidate || other.retired === true)) {
    throw new InvalidInputError(`${name} is the last candidate in use. Add or restore another one first.`);
  }
  return editCandidate(artifact, `Candidate ${name} was retired.`, { ...candidate, retired: true });
}

/**
 * A new version in which a retired candidate may be chosen again.
 *
 * @throws InvalidInputError when there is no such candidate, or it is in use
 */
export function restoreCandidate(artifact: Artifact, name: string): Promise<BuiltArtifact> {
  const { retired, ...candidate } = findCandidate(artifact, name);
  if (retired !== true) throw new InvalidInputError(`${name} is in use: it was not retired.`);
  return editCandidate(artifact, `Candidate ${name} was restored.`, candidate);
}

/** The same artifact with one candidate changed. */
function editCandidate(artifact: Artifact, what: string, changed: ManifestCandidate): Promise<BuiltArtifact> {
  const candidates = artifact.manifest.candidates.map((candidate) =>
    candidate.name === changed.name ? changed : candidate,
  );
  return editArtifact(artifact, { what, contents: { candidates } });
}

/** @throws InvalidInputError when there is no such candidate */
function findCandidate({ manifest: { candidates } }: Artifact, name: string): ManifestCandidate {
  const found = candidates.find((candidate) => candidate.name === name);
  if (found !== undefined) return found;
  const names = candidates.map((candidate) => candidate.name).join(', ');
  throw new InvalidInputError(`The router has the candidates ${names}. Got "${name}".`);
}

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
): Promise<BuiltArtifact> {
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
  return editCandidate(artifact, `Candidate ${name} was set to ${what}.`, {
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
