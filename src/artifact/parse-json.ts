import { ArtifactError } from '../errors/artifact-error.ts';

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
