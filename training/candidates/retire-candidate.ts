import { InvalidInputError } from 'pointsman';
import type { Artifact, ManifestCandidate } from 'pointsman/artifact';
import { amendArtifact } from '../artifact/amend-artifact.ts';
import type { SealedArtifact } from '../artifact/seal-artifact.ts';

/**
 * A new version of a router that never chooses a candidate, nor falls back on it, whatever the policy. It stays known:
 * nothing is fitted again, and what is said of the others stays as it is.
 *
 * @throws InvalidInputError when there is no such candidate, it is retired already, or it is the last
 */
export function retireCandidate(artifact: Artifact, name: string): Promise<SealedArtifact> {
  const candidate = findCandidate(artifact, name);
  if (candidate.retired === true) throw new InvalidInputError(`${name} is retired already.`);
  const { candidates } = artifact.manifest;
  if (candidates.every((other) => other === candidate || other.retired === true)) {
    throw new InvalidInputError(`${name} is the last candidate in use. Add or restore another one first.`);
  }
  return amendCandidate(artifact, `Candidate ${name} was retired.`, { ...candidate, retired: true });
}

/**
 * A new version in which a retired candidate may be chosen again.
 *
 * @throws InvalidInputError when there is no such candidate, or it is in use
 */
export function restoreCandidate(artifact: Artifact, name: string): Promise<SealedArtifact> {
  const { retired, ...candidate } = findCandidate(artifact, name);
  if (retired !== true) throw new InvalidInputError(`${name} is in use: it was not retired.`);
  return amendCandidate(artifact, `Candidate ${name} was restored.`, candidate);
}

/** The same artifact with one candidate changed. */
export function amendCandidate(
  artifact: Artifact,
  what: string,
  changed: ManifestCandidate,
): Promise<SealedArtifact> {
  const candidates = artifact.manifest.candidates.map((candidate) =>
    candidate.name === changed.name ? changed : candidate,
  );
  return amendArtifact(artifact, { what, contents: { candidates } });
}

/** @throws InvalidInputError when there is no such candidate */
export function findCandidate({ manifest: { candidates } }: Artifact, name: string): ManifestCandidate {
  const found = candidates.find((candidate) => candidate.name === name);
  if (found !== undefined) return found;
  const names = candidates.map((candidate) => candidate.name).join(', ');
  throw new InvalidInputError(`The router has the candidates ${names}. Got "${name}".`);
}
