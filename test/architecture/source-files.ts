import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export interface SourceFile {
  /** From the root of the repository, with forward slashes. */
  readonly path: string;
  /** The first folder below its package or top-level folder; of files beside `index.ts`, their name. */
  readonly room: string;
  readonly text: string;
  readonly lines: number;
  readonly imports: readonly string[];
}

/** The TypeScript that a person wrote below a top-level folder. */
export function sourceFiles(top: string): SourceFile[] {
  return typescriptBelow(top)
    .sort()
    .map((path) => {
      const text = readFileSync(join(root, path), 'utf8');
      return {
        path,
        room: roomOf(path),
        text,
        lines: text.trimEnd().split('\n').length,
        imports: importsOf(text),
      };
    });
}

/** The folder or file below a package that a path belongs to: `training/cli/main.ts` → `cli`, `src/request.ts` → `request`. */
export function roomOf(path: string): string {
  return path.split('/')[1].replace(/\.tsx?$/, '');
}

/** Public entries re-export from every room, and are no rooms of their own. */
export function isEntry(path: string): boolean {
  return path.endsWith('/index.ts') || /^src\/(internal|tiny)\.ts$/.test(path);
}

function typescriptBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory())
      return ['dist', 'node_modules', 'docs'].includes(entry.name) ? [] : typescriptBelow(path);
    return /\.tsx?$/.test(entry.name) ? [path] : [];
  });
}

/** What a file imports or re-exports, statically or not. */
export function importsOf(text: string): string[] {
  const found = text.matchAll(
    /^(?:import|export)\b[^;'"]*?\bfrom '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gms,
  );
  return [...found].map(([, from, bare, dynamic]) => from ?? bare ?? dynamic);
}

/** Path of an imported file from the root of the repository; undefined for packages. */
export function importedPath(file: SourceFile, specifier: string): string | undefined {
  return specifier.startsWith('.') ? normalize(join(dirname(file.path), specifier)) : undefined;
}
