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
  for (const byte of new Uint8Array(digest)) hex += byte.toString(16).padStart(2, '0');
  return hex;
}
