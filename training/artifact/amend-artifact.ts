import { ArtifactError } from 'pointsman';
import type { Artifact, Manifest } from 'pointsman/artifact';
import { renderCard } from './card.ts';
import { EXAMPLES_FILE, SEEN_FILE } from './examples.ts';
import { addReports, type ManifestContents, type SealedArtifact, sealArtifact } from './seal-artifact.ts';

export interface Amendment {
  /** What it is, as a sentence for the card: "Candidate x was retired." */
  readonly what: string;
  /** What was found out in doing so, as plain data; kept beside the note. @default nothing */
  readonly details?: unknown;
  /** Parts of the manifest that change. @default none */
  readonly contents?: Partial<ManifestContents>;
  /** Files that change or are new, by path. @default none */
  readonly files?: ReadonlyMap<string, Uint8Array>;
  /** Files that nothing names any more. @default none */
  readonly removed?: readonly string[];
  /** Figures of the new version, measured. @default none: those of the old one do not hold for it */
  readonly metrics?: Manifest['metrics'];
  /** Reports about the new version, by path, beside its card. @default none */
  readonly reports?: ReadonlyMap<string, Uint8Array>;
}

/** One thing that was done to a router after its training. */
export interface AmendmentNote {
  /** The id of the version before. */
  readonly from: string;
  readonly what: string;
  readonly details?: unknown;
}

/**
 * A new version of an artifact that is not trained again: what is not amended is carried over, byte for byte. Reports
 * about the old version are left behind, except the labelled examples and, where it is there, the record of the prompts that were seen.
 *
 * @param artifact read with its reports.
 * @throws ArtifactError when it has examples that are not as they were written.
 */
export async function amendArtifact(artifact: Artifact, amendment: Amendment): Promise<SealedArtifact> {
  const { schemaVersion: _v, id, metrics: _m, files, reports, digest: _d, ...before } = artifact.manifest;
  const { what, details, contents = {}, removed = [], metrics = {} } = amendment;
  const kept = files.filter(({ path }) => !removed.includes(path));
  const after: ManifestContents = { ...before, ...contents };
  const config = (after.provenance.config ?? {}) as Readonly<Record<string, unknown>>;
  const note: AmendmentNote = { from: id, what, ...(details === undefined ? {} : { details }) };
  const notes = [...amendmentsOf(artifact.manifest), note];
  const sealed = await sealArtifact(
    { ...after, provenance: { ...after.provenance, config: { ...config, amended: notes } } },
    new Map([...kept.map(({ path }) => [path, artifact.file(path)] as const), ...(amendment.files ?? [])]),
  );
  const card = renderCard(sealed.manifest, {
    verdict: `${what} The version before is ${id}; what was measured of that is in its own card.`,
    figures: Object.entries(metrics).map(([name, value]) => ({ name, value: value ?? Number.NaN })),
  });
  return addReports(
    sealed,
    metrics,
    new Map([
      ['CARD.md', new TextEncoder().encode(card)],
      ...(amendment.reports ?? []),
      ...(reports.some(({ path }) => path === EXAMPLES_FILE)
        ? [[EXAMPLES_FILE, examplesOf(artifact)] as const]
        : []),
      ...seenBy(artifact, amendment),
    ]),
  );
}

function examplesOf({ reports }: Artifact): Uint8Array {
  const examples = reports?.files.get(EXAMPLES_FILE);
  if (examples !== undefined) return examples;
  const why = reports?.changed.get(EXAMPLES_FILE) ?? 'It was not read: pass { reports: true }.';
  throw new ArtifactError(`${EXAMPLES_FILE} cannot go along with the new version. ${why}`);
}

/** Whoever took the record away has decided that it need not be there; of a version without it nothing is claimed. */
function seenBy(artifact: Artifact, amendment: Amendment): (readonly [string, Uint8Array])[] {
  const record = amendment.reports?.get(SEEN_FILE) ?? artifact.reports?.files.get(SEEN_FILE);
  return record === undefined ? [] : [[SEEN_FILE, record]];
}

/** What was done to a router since it was trained, oldest first. */
export function amendmentsOf({ provenance }: Manifest): readonly AmendmentNote[] {
  const { amended } = (provenance.config ?? {}) as { readonly amended?: unknown };
  return Array.isArray(amended) ? (amended as AmendmentNote[]) : [];
}

/** The training config in a manifest, without what training and amendments noted beside it. */
export function trainedConfig({ provenance }: Manifest): Readonly<Record<string, unknown>> {
  const { chosen: _c, amended: _a, ...config } = (provenance.config ?? {}) as Record<string, unknown>;
  return config;
}
