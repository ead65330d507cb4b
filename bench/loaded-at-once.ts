import type { Metafile } from 'esbuild';

/** The entry's file and those that it imports: what is loaded before anything is imported when needed. */
export function loadedAtOnce(outputs: Metafile['outputs'], entry: string): string[] {
  const found: string[] = [];
  const visit = (part: string): void => {
    if (found.includes(part)) return;
    found.push(part);
    for (const { path, kind } of outputs[part].imports) {
      if (kind === 'import-statement' && path in outputs) visit(path);
    }
  };
  visit(Object.keys(outputs).find((part) => outputs[part].entryPoint === entry)!);
  return found;
}
