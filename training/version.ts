import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Version of the package, kept in every manifest; a test compares it with package.json. */
export const TOOL_VERSION = '0.1.0';

/**
 * Where a page of the documentation is on this machine, from the current folder: the package ships `docs` beside its built
 * code, the repository has it at the top.
 */
export function docPath(page: string): string {
  const path = fileURLToPath(new URL(`../docs/${page}`, import.meta.url));
  const fromHere = relative(process.cwd(), path);
  return fromHere.length < path.length ? fromHere : path;
}
