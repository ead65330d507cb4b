import { createHash } from 'node:crypto';
import { InvalidInputError } from 'pointsman';
import {
  canonicalJson,
  type FileEntry,
  ID_DIGITS,
  isSafePath,
  MANIFEST_SCHEMA_VERSION,
  type Manifest,
  manifestDigest,
  manifestId,
} from 'pointsman/artifact';

/** What training found; the rest of a manifest follows from it. */
export type ManifestContents = Omit<
  Manifest,
  'schemaVersion' | 'id' | 'metrics' | 'files' | 'reports' | 'digest'
>;

/** A whole artifact in memory: what `memoryFiles` reads and `writeArtifact` writes. */
export interface SealedArtifact {
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
export async function sealArtifact(
  contents: ManifestContents,
  files: ReadonlyMap<string, Uint8Array>,
): Promise<SealedArtifact> {
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
  sealed: SealedArtifact,
  metrics: Manifest['metrics'],
  reports: ReadonlyMap<string, Uint8Array>,
): Promise<SealedArtifact> {
  const core = new Map<string, Uint8Array>();
  for (const { path } of sealed.manifest.files) core.set(path, sealed.files.get(path)!);
  const manifest = { ...sealed.manifest, metrics, reports: fileEntries(reports) };
  return finish(manifest, new Map([...core, ...reports]));
}

async function finish(
  manifest: Omit<Manifest, 'digest'>,
  files: ReadonlyMap<string, Uint8Array>,
): Promise<SealedArtifact> {
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
