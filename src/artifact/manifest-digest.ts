import { canonicalJson } from './canonical-json.ts';
import type { Sha256 } from './sha256.ts';

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
