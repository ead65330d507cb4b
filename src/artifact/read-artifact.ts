import { ArtifactError } from '../errors/artifact-error.ts';
import { InvalidInputError } from '../errors/invalid-input-error.ts';
import { validate } from '../validate.ts';
import type { Artifact, ArtifactReports } from './artifact.ts';
import type { ArtifactFiles } from './artifact-files.ts';
import { checkManifest } from './check-manifest.ts';
import { type FileEntry, MANIFEST_SCHEMA_VERSION, type Manifest } from './manifest.ts';
import { manifestDigest, manifestId } from './manifest-digest.ts';
import { manifestSchema } from './manifest-schema.ts';
import { parseJson } from './parse-json.ts';
import { type Sha256, webSha256 } from './sha256.ts';

const MAX_MANIFEST_BYTES = 16 * 2 ** 20;
const MAX_ARTIFACT_BYTES = 512 * 2 ** 20;

export interface ReadArtifactOptions {
  /** How digests are computed. @default the Web Crypto API */
  readonly sha256?: Sha256;
  /** Largest sum of the sizes that the manifest declares, in bytes. Checked before any of them is read. @default 512 MiB */
  readonly maxBytes?: number;
  /** Whether to read the reports too. One that is missing or changed is told in their `changed`. @default false */
  readonly reports?: boolean;
}

/**
 * Reads what an artifact decides with and checks it: schema version, shape, its own digest and id, then size and digest
 * of every file. What it returns is what was checked: no file is read twice.
 *
 * @throws ArtifactError saying which file or field is wrong and what to do. Nothing is half-loaded.
 */
export async function readArtifact(
  files: ArtifactFiles,
  options: ReadArtifactOptions = {},
): Promise<Artifact> {
  const sha256 = options.sha256 ?? webSha256;
  const manifest = await readManifest(files, sha256);
  const withReports = options.reports === true;
  const wanted = withReports ? [...manifest.files, ...manifest.reports] : manifest.files;
  checkSize(wanted, options.maxBytes ?? MAX_ARTIFACT_BYTES);
  const read = await Promise.all(manifest.files.map((entry) => readChecked(files, entry, sha256)));
  const contents = new Map(manifest.files.map(({ path }, i) => [path, read[i]]));
  return {
    manifest,
    file(path) {
      const bytes = contents.get(path);
      if (bytes === undefined) throw new ArtifactError(`Artifact ${manifest.id} has no file "${path}".`);
      return bytes;
    },
    ...(withReports ? { reports: await readReports(files, manifest.reports, sha256) } : {}),
  };
}

/** So that what is not a router is refused before its bytes fill the memory. */
function checkSize(entries: readonly FileEntry[], maxBytes: number): void {
  const sum = entries.reduce((total, { bytes }) => total + bytes, 0);
  if (sum <= maxBytes) return;
  throw new ArtifactError(
    `The files of the artifact must be at most ${maxBytes} bytes together. manifest.json declares ${sum}. Allow more ` +
      'by `maxBytes`.',
  );
}

async function readReports(
  files: ArtifactFiles,
  entries: readonly FileEntry[],
  sha256: Sha256,
): Promise<ArtifactReports> {
  const unchanged = new Map<string, Uint8Array>();
  const changed = new Map<string, string>();
  for (const entry of entries) {
    try {
      unchanged.set(entry.path, await readChecked(files, entry, sha256));
    } catch (cause) {
      if (!(cause instanceof ArtifactError)) throw cause;
      changed.set(entry.path, cause.message);
    }
  }
  return { files: unchanged, changed };
}

async function readManifest(files: ArtifactFiles, sha256: Sha256): Promise<Manifest> {
  const bytes = await readBytes(files, 'manifest.json', MAX_MANIFEST_BYTES);
  const raw = parseJson(bytes, 'manifest.json');
  checkVersion(raw);
  if ((await manifestDigest(raw, sha256)) !== raw.digest) {
    throw new ArtifactError(
      'manifest.json was edited or damaged: its digest does not match. Export the artifact again; to change a ' +
        'policy or a limit, pass it to the router instead.',
    );
  }
  let manifest: Manifest;
  try {
    manifest = validate<Manifest>(manifestSchema, raw, 'manifest.json');
  } catch (cause) {
    if (!(cause instanceof InvalidInputError)) throw cause;
    throw new ArtifactError(`${cause.message} Export the artifact again.`, { cause });
  }
  checkManifest(manifest);
  const id = await manifestId(raw, sha256);
  if (id !== manifest.id) {
    throw new ArtifactError(`\`id\` of manifest.json must be "${id}". Got "${manifest.id}".`);
  }
  return manifest;
}

/** Comes first: of a newer schema nothing else can be said. */
function checkVersion(raw: unknown): asserts raw is { readonly digest: unknown } {
  const version =
    raw !== null && typeof raw === 'object' && 'schemaVersion' in raw ? raw.schemaVersion : undefined;
  if (typeof version === 'number' && version > MANIFEST_SCHEMA_VERSION) {
    throw new ArtifactError(
      `manifest.json has schema version ${version}; this version of pointsman reads up to ` +
        `${MANIFEST_SCHEMA_VERSION}. Update it (npm install pointsman@latest), or train with the older version.`,
    );
  }
  if (version !== MANIFEST_SCHEMA_VERSION) {
    throw new ArtifactError(
      'manifest.json has no schema version: it is not a manifest of a pointsman artifact.',
    );
  }
}

async function readChecked(files: ArtifactFiles, entry: FileEntry, sha256: Sha256): Promise<Uint8Array> {
  const bytes = await readBytes(files, entry.path, entry.bytes);
  if (bytes.length !== entry.bytes) {
    throw new ArtifactError(
      `${entry.path} must be ${entry.bytes} bytes long. Got ${bytes.length}: it was truncated or replaced. ` +
        'Copy the artifact again, whole.',
    );
  }
  if ((await sha256(bytes)) !== entry.sha256) {
    throw new ArtifactError(
      `${entry.path} was edited or damaged: its sha256 is not the one in manifest.json. Copy the artifact again.`,
    );
  }
  return bytes;
}

async function readBytes(files: ArtifactFiles, path: string, maxBytes: number): Promise<Uint8Array> {
  try {
    return await files.read(path, maxBytes);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ArtifactError(`${path} of the artifact cannot be read: ${reason}`, { cause });
  }
}
