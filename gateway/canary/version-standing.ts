import type { Router } from 'pointsman';
import type { CanaryRules, Difference, TrialEvidence } from './trial.ts';

/** Where it is remembered what a trial has seen, over restarts and between gateways that share it. */
export interface Notes {
  note(name: string, note: string, of?: 'own' | 'all'): void;
  notes(name: string): readonly { readonly isOwn: boolean; readonly note: string }[];
  forget(name: string): void;
}

export interface VersionsOptions {
  /** Of the router; for notes and words. */
  readonly name: string;
  /** Holds the versions, and `current.json`. */
  readonly folder: string;
  readonly rules: CanaryRules;
  readonly notes: Notes;
  readonly load: (versionFolder: string) => Promise<Router>;
  readonly onSwap?: (artifactId: string) => void;
  /** Told, once, why a version cannot be used, or what cannot be written. */
  readonly onError?: (error: unknown) => void;
  /** Milliseconds between two looks at the evidence and at `current.json`. @default 1000 */
  readonly intervalMs?: number;
}

/** What became of a new version. */
export interface Verdict {
  readonly version: string;
  readonly verdict: 'promoted' | 'rolled back' | 'superseded' | 'withdrawn';
  /** ISO 8601. */
  readonly at: string;
  readonly by: 'test' | 'operator' | 'current.json';
  readonly why: string;
}

/** Which versions of a router are in use, and what is known of a new one. */
export interface VersionStanding {
  readonly champion: { readonly version: string | null; readonly artifactId: string };
  /** Null while there is no new version. */
  readonly canary: CanaryStanding | null;
  /** The latest first. */
  readonly verdicts: readonly Verdict[];
}

export interface CanaryStanding {
  readonly version: string;
  readonly artifactId: string;
  readonly share: number;
  readonly steps: readonly number[];
  readonly startedAt: string;
  readonly steppedAt: string;
  readonly ratings: TrialEvidence['ratings'];
  readonly requests: TrialEvidence['requests'];
  readonly quality: Difference;
  readonly errors: Difference;
  /** What is to be shown yet. */
  readonly why: string;
}

/** A router of which new versions are tried on a share of the traffic before they take all of it. */
export interface Versions {
  /** The version that is in use for whoever is not part of a trial. */
  readonly champion: Router;
  /** @param unit a conversation, a user or a request: one unit is always answered by one version, until the verdict. */
  pick(unit: string): Router;
  /** A request of a version is over. */
  ended(artifactId: string, isError: boolean): void;
  /** @param unit as in {@link Trial.rated}. */
  rated(artifactId: string, quality: number, unit: string | null): void;
  standing(): VersionStanding;
  /** @param version the new one, or any in the folder. @throws InvalidInputError where there is none. */
  promote(version?: string): Promise<void>;
  /** Ends the trial. @throws InvalidInputError where there is none. */
  rollBack(): Promise<void>;
  close(): Promise<void>;
}
