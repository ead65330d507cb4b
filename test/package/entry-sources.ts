import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** An entry of a package, and the source that it is built from. */
export interface EntrySource {
  /** As it is imported: `pointsman/log`. */
  readonly specifier: string;
  readonly path: string;
}

/** The entries of the packages. Where the types of one come from says its source: `./dist/log/index.d.ts`, `log/index.ts`. */
export function entrySources(): EntrySource[] {
  return ['src', 'training', 'gateway'].flatMap((folder) => {
    const { name, exports } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    return Object.entries<{ readonly types?: string }>(exports).flatMap(([key, { types }]) => {
      if (types === undefined) return [];
      const source = types.replace('./dist/', '').replace('.d.ts', '.ts');
      return { specifier: `${name}${key.slice(1)}`, path: join(root, folder, source) };
    });
  });
}

/** For `resolve.alias` of vitest: whoever imports an entry gets its source. */
export function entryAliases(): { readonly find: RegExp; readonly replacement: string }[] {
  return entrySources().map(({ specifier, path }) => ({
    find: new RegExp(`^${specifier}$`),
    replacement: path,
  }));
}

/** Those for users: what is internal may change at any time. */
export function publicSources(): EntrySource[] {
  return entrySources().filter(({ specifier }) => specifier !== 'pointsman/internal');
}
