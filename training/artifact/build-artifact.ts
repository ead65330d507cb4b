import { createHash } from 'node:crypto';
import { type Artifact, ArtifactError, InvalidInputError, type Manifest } from 'pointsman';
import {
  canonicalJson,
  type FileEntry,
  ID_DIGITS,
  isSafePath,
  MANIFEST_SCHEMA_VERSION,
  manifestDigest,
  manifestId,
} from 'pointsman/internal';
import { renderCard } from './card.ts';

/** What training found; the rest of a manifest follows from it. */
export type ManifestContents = Omit<
  Manifest,
  'schemaVersion' | 'id' | 'metrics' | 'files' | 'reports' | 'digest'
>;

/** A whole artifact in memory: what `memoryFiles` reads and `writeArtifact` writes. */
export interface BuiltArtifact {
  readonly manifest: Manifest;
  /** `v-` and the hexadecimal part of the id: the name of its folder. */
  readonly version: string;
  /** Every file by its path, `manifest.json` among them. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/**
 * Seals what decides: gives the manifest its digests and its id. The result can be loaded from memory and
 * evaluated; `addReports` then adds what was found out, under the same id.
 *
 * @param files every file that the manifest names, by path.
 */
export async function buildArtifact(
  contents: ManifestContents,
  files: ReadonlyMap<string, Uint8Array>,
): Promise<BuiltArtifact> {
  const core = {
    schemaVersion: MANIFEST_SCHEMA_VERSION as Manifest['schemaVersion'],
    ...contents,
    files: fileEntries(files),
  };
  return finish({ ...core, id: await manifestId(core, sha256), metrics: {}, reports: [] }, files);
}

/**
 * Adds the reports about a sealed artifact. Its id and version stay, since it decides as before.
 *
 * @param metrics the headline figures, kept in the manifest.
 * @param reports files such as `metrics.json`, `CARD.md` and `report.html`, by path.
 */
export async function addReports(
  sealed: BuiltArtifact,
  metrics: Manifest['metrics'],
  reports: ReadonlyMap<string, Uint8Array>,
): Promise<BuiltArtifact> {
  const core = new Map<string, Uint8Array>();
  for (const { path } of sealed.manifest.files) core.set(path, sealed.files.get(path)!);
  const manifest = { ...sealed.manifest, metrics, reports: fileEntries(reports) };
  return finish(manifest, new Map([...core, ...reports]));
}

async function finish(
  manifest: Omit<Manifest, 'digest'>,
  files: ReadonlyMap<string, Uint8Array>,
): Promise<BuiltArtifact> {
  // Through JSON first, so that the digest covers what a reader will parse (-0, undefined, toJSON).
  const plain = JSON.parse(canonicalJson(JSON.parse(JSON.stringify(manifest)))) as Manifest;
  // A manifest that was sealed before may be sealed again; its old digest must not decide where the new one stands.
  const { digest, ...rest } = plain;
  const sealed: Manifest = { ...rest, digest: await manifestDigest(plain, sha256) };
  const text = `${JSON.stringify(sealed, null, 2)}\n`;
  return {
    manifest: sealed,
    version: `v-${sealed.id.slice(-ID_DIGITS)}`,
    files: new Map([...files, ['manifest.json', new TextEncoder().encode(text)]]),
  };
}

function fileEntries(files: ReadonlyMap<string, Uint8Array>): FileEntry[] {
  const entries: FileEntry[] = [];
  for (const path of [...files.keys()].sort()) {
    if (!isSafePath(path) || path === 'manifest.json') {
      throw new InvalidInputError(
        `A file of an artifact must have a plain relative path other than manifest.json. Got "${path}".`,
      );
    }
    const bytes = files.get(path)!;
    entries.push({ path, bytes: bytes.length, sha256: sha256(bytes) });
  }
  return entries;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

interface Edit {
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
interface EditNote {
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
export async function editArtifact(artifact: Artifact, amendment: Edit): Promise<BuiltArtifact> {
  const { schemaVersion: _v, id, metrics: _m, files, reports, digest: _d, ...before } = artifact.manifest;
  const { what, details, contents = {}, removed = [], metrics = {} } = amendment;
  const kept = files.filter(({ path }) => !removed.includes(path));
  const after: ManifestContents = { ...before, ...contents };
  const config = (after.provenance.config ?? {}) as Readonly<Record<string, unknown>>;
  const note: EditNote = { from: id, what, ...(details === undefined ? {} : { details }) };
  const notes = [...editsOf(artifact.manifest), note];
  const sealed = await buildArtifact(
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
function seenBy(artifact: Artifact, amendment: Edit): (readonly [string, Uint8Array])[] {
  const record = amendment.reports?.get(SEEN_FILE) ?? artifact.reports?.files.get(SEEN_FILE);
  return record === undefined ? [] : [[SEEN_FILE, record]];
}

/** What was done to a router since it was trained, oldest first. */
export function editsOf({ provenance }: Manifest): readonly EditNote[] {
  const { amended } = (provenance.config ?? {}) as { readonly amended?: unknown };
  return Array.isArray(amended) ? (amended as EditNote[]) : [];
}

/** The training config in a manifest, without what training and amendments noted beside it. */
export function trainedConfig({ provenance }: Manifest): Readonly<Record<string, unknown>> {
  const { chosen: _c, amended: _a, ...config } = (provenance.config ?? {}) as Record<string, unknown>;
  return config;
}

/** Labelled prompts that travel with a router, so that a decision can be explained by them. A report: no decision needs it. */
export const EXAMPLES_FILE = 'examples.json';

/** One of them. */
export interface Example {
  readonly text: string;
  readonly task: string | null;
  /** Quality of each candidate observed, 0 to 1. */
  readonly quality: Readonly<Record<string, number>>;
}

/** Which prompts a router was made of, as keys that show nothing of them. A report, likewise: `../split/seen-prompts.ts` reads it. */
export const SEEN_FILE = 'seen.bin';
