import { ArtifactError, InvalidInputError } from '../errors.ts';
import type { KnnReader } from '../head/knn.ts';
import type { CompileExpression } from '../policy/policy.ts';
import type { UncertaintyReader } from '../policy/uncertainty.ts';
import type { Simd } from '../simd.ts';
import { validate } from '../validate.ts';
import { checkManifest, manifestSchema } from './check-manifest.ts';
import { type FileEntry, MANIFEST_SCHEMA_VERSION, type Manifest, neighbourFiles } from './manifest.ts';

const MAX_MANIFEST_BYTES = 16 * 2 ** 20;
const MAX_ARTIFACT_BYTES = 512 * 2 ** 20;

/** How an artifact is read. */
export interface ReadArtifactOptions {
  /** How digests are computed. @default the Web Crypto API */
  readonly sha256?: Sha256;
  /** Largest sum of the sizes that the manifest declares, in bytes. Checked before any of them is read. @default 512 MiB */
  readonly maxBytes?: number;
  /**
   * Whether to read all that the manifest lists: what only some policies need at once, and the reports. A report that is missing or
   * changed is told in their `changed`. @default false
   */
  readonly reports?: boolean;
  /** Whether to read how unsure predictions are, where the artifact knows. @default whether its policy asks for it */
  readonly uncertainty?: boolean;
}

/**
 * Reads what an artifact decides with and checks it: schema version, shape, its own digest and id, then size and digest
 * of every file. What it returns is what was checked: no file is read twice. Files that only some policies need, of
 * the answer head and of how unsure predictions are, are left for `load`.
 *
 * @throws ArtifactError saying which file or field is wrong and what to do. Nothing is half-loaded.
 */
export async function readArtifactFiles(
  files: ArtifactFiles,
  options: ReadArtifactOptions = {},
): Promise<Artifact> {
  const sha256 = options.sha256 ?? webSha256;
  const manifest = await readManifest(files, sha256);
  const withReports = options.reports === true;
  const wanted = withReports ? [...manifest.files, ...manifest.reports] : manifest.files;
  checkSize(wanted, options.maxBytes ?? MAX_ARTIFACT_BYTES);
  const contents = new Map<string, Uint8Array>();
  const file = (path: string) => {
    const bytes = contents.get(path);
    if (bytes === undefined) throw new ArtifactError(`Artifact ${manifest.id} has no file "${path}".`);
    return bytes;
  };
  const load = async (path: string) => {
    const entry = manifest.files.find((each) => each.path === path);
    if (entry !== undefined && !contents.has(path))
      contents.set(path, await readChecked(files, entry, sha256));
    return file(path);
  };
  const atOnce = manifest.files.filter(({ path }) => withReports || !isLeft(manifest, path));
  const hasNeighbours = neighbourFiles(manifest.heads).length > 0;
  const [simd, neighbours] = await Promise.all([
    loadSimd(),
    hasNeighbours ? import('../head/knn.ts') : undefined,
    ...atOnce.map(({ path }) => load(path)),
  ]);
  return {
    manifest,
    file,
    load,
    ...(simd && { simd }),
    ...(neighbours && { knn: neighbours.readKnnHead }),
    ...(withReports ? { reports: await readReports(files, manifest.reports, sha256) } : {}),
  };
}

/** Whether a file is one that only some policies need: of the answer head, whose names begin so, or of how unsure predictions are. */
function isLeft({ uncertainty }: Manifest, path: string): boolean {
  return path.startsWith('answer') || path === uncertainty?.file;
}

/** Decisions are the same without it, but slower. */
async function loadSimd(): Promise<Simd | undefined> {
  try {
    return await import('../simd.ts');
  } catch {
    return undefined;
  }
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
      `${entry.path} must be ${entry.bytes} bytes long. Got ${bytes.length}. ` +
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

/** A trained router as it was exported: all that decides, every digest checked, nothing built from it yet. */
export interface Artifact {
  readonly manifest: Manifest;
  /**
   * The checked bytes of a file that the manifest lists under `files`. Not a copy: do not write to it.
   *
   * @throws ArtifactError when the manifest lists no such file, or it is one that `load` reads and has not read yet.
   */
  file(path: string): Uint8Array;
  /**
   * The same of a file that only some policies need, read and checked when it is first asked for.
   *
   * @throws ArtifactError as `file` does, and when it is missing or not as it was written.
   * @default as `file`
   */
  load?(path: string): Promise<Uint8Array>;
  /** Reads the expressions of its policy; undefined when that has no rules. */
  readonly compile?: CompileExpression;
  /** Reads its heads of neighbours; undefined where it has none. */
  readonly knn?: KnnReader;
  /** Makes its layers faster, with the same results; undefined where that could not be loaded. */
  readonly simd?: Simd;
  /** How unsure its predictions are; undefined where it does not know, or was read without. */
  readonly uncertainty?: UncertaintyReader;
  /** Undefined unless they were asked for: no decision needs them. */
  readonly reports?: ArtifactReports;
}

/** What was written about a router, beside what it decides with. */
export interface ArtifactReports {
  /** Those that are as they were written, by path. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Why the others are not among `files`, by path: missing, or changed since. */
  readonly changed: ReadonlyMap<string, string>;
}

/** Where an artifact's files come from: a folder, a bundle, a bucket, a map in memory. */
export interface ArtifactFiles {
  /**
   * @param path inside the artifact, with forward slashes; already checked not to lead out of it.
   * @param maxBytes a file that is larger must be refused before it is read.
   * @throws when there is no such file, or it is larger.
   */
  read(path: string, maxBytes: number): Promise<Uint8Array>;
}

/** Deeper nesting than any artifact has; bounds the recursion of everything that reads the value after us. */
const MAX_DEPTH = 64;

/**
 * JSON of an artifact, as plain data.
 *
 * @param path the file's name, for messages.
 * @throws ArtifactError when the bytes are not UTF-8 or not JSON, nest too deep, or have a key such as `__proto__`.
 */
export function parseJson(bytes: Uint8Array, path: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new ArtifactError(`${path} is not JSON: it was truncated or edited. Export the artifact again.`, {
      cause,
    });
  }
  const level: { readonly value: unknown; readonly depth: number }[] = [{ value, depth: 0 }];
  for (let item = level.pop(); item !== undefined; item = level.pop()) {
    if (item.value === null || typeof item.value !== 'object') continue;
    if (item.depth >= MAX_DEPTH) throw new ArtifactError(`${path} nests deeper than ${MAX_DEPTH} levels.`);
    // JSON.parse makes it an own property; copied without care, it would become a prototype.
    if (Object.hasOwn(item.value, '__proto__')) throw new ArtifactError(`${path} has the key "__proto__".`);
    for (const inner of Object.values(item.value)) {
      if (inner !== null && typeof inner === 'object') level.push({ value: inner, depth: item.depth + 1 });
    }
  }
  return value;
}

/**
 * Files that are in memory already: fetched, bundled, or just made.
 *
 * @example
 * const artifact = await readArtifact(memoryFiles({ 'manifest.json': bytes, ... }));
 */
export function memoryFiles(
  contents: Readonly<Record<string, Uint8Array>> | ReadonlyMap<string, Uint8Array>,
): ArtifactFiles {
  const files = contents instanceof Map ? contents : new Map(Object.entries(contents));
  return {
    async read(path, maxBytes) {
      const bytes: unknown = files.get(path);
      if (!(bytes instanceof Uint8Array)) throw new ArtifactError(`There is no file "${path}" in memory.`);
      if (bytes.length > maxBytes) throw new ArtifactError(`"${path}" is larger than ${maxBytes} bytes.`);
      return bytes;
    },
  };
}

/** Hex digits of the content's sha256 that an id keeps. */
export const ID_DIGITS = 12;

/**
 * The id of what decides: the manifest without its reports, metrics, id and digest. Known before evaluation, so
 * that the evaluation can name it.
 */
export async function manifestId(manifest: object, sha256: Sha256): Promise<string> {
  const { id, digest, metrics, reports, ...core } = manifest as Record<string, unknown>;
  const hex = await sha256(new TextEncoder().encode(canonicalJson(core)));
  return `${String(core.name)}-${hex.slice(0, ID_DIGITS)}`;
}

/** sha256 over all of the manifest but the digest itself. */
export async function manifestDigest(manifest: object, sha256: Sha256): Promise<string> {
  const { digest, ...rest } = manifest as Record<string, unknown>;
  return sha256(new TextEncoder().encode(canonicalJson(rest)));
}

/**
 * JSON text that depends on the value only: keys sorted by code unit, no white space. Two manifests that say
 * the same have the same text, whatever order they were built in.
 *
 * @param value plain JSON data, nested at most a few dozen levels.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  const object = value as Record<string, unknown>;
  const fields: string[] = [];
  for (const key of Object.keys(object).sort()) {
    if (object[key] !== undefined) fields.push(`${JSON.stringify(key)}:${canonicalJson(object[key])}`);
  }
  return `{${fields.join(',')}}`;
}

/** sha256 of bytes as 64 lower-case hex digits; may be given at once or later. */
export type Sha256 = (bytes: Uint8Array) => string | Promise<string>;

/** {@link Sha256} with the Web Crypto API, which every runtime has. */
export async function webSha256(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
  let hex = '';
  for (const byte of new Uint8Array(digest)) hex += (256 + byte).toString(16).slice(1);
  return hex;
}
