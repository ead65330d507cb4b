import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../architecture/source-files.ts';

/** Where pages are looked for: trained routers below `models` have cards of their own. */
const FOLDERS = ['bench', 'data', 'docs', 'gateway', 'models/static-en', 'notebooks', 'src', 'training'];
/** Installed, built, or copied there by the build. */
const NOT_WRITTEN = ['dist', 'node_modules', 'docs'];

/** Every Markdown page of the repository, from its root, with forward slashes. */
export function pages(): string[] {
  const atTheTop = readdirSync(root).filter((name) => name.endsWith('.md'));
  return [...atTheTop, ...FOLDERS.flatMap(pagesBelow)].sort();
}

function pagesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return NOT_WRITTEN.includes(entry.name) ? [] : pagesBelow(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}
