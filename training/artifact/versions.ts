import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from 'pointsman/artifact';
import { readArtifactFolder } from 'pointsman/node';
import { readVersionPointer } from './version-pointer.ts';

/** One version of a router on disk. */
export interface VersionEntry {
  readonly version: string;
  readonly path: string;
  /** `in use`; `before`: a rollback goes there next; `withdrawn`: rolled back from. */
  readonly state: 'in use' | 'before' | 'kept' | 'withdrawn' | 'damaged';
  readonly writtenAtMs: number;
  /** Of all of its files, manifest and reports too. */
  readonly bytes: number;
  /** Null where it is damaged. */
  readonly id: string | null;
  /** Headline figures of its manifest. */
  readonly metrics: Readonly<Record<string, number | null>>;
  /** Why it would not load; null when it would. */
  readonly problem: string | null;
}

/** Every version in a router's folder, the latest written first. A damaged one is listed with what is wrong. */
export async function listVersions(folder: string): Promise<VersionEntry[]> {
  const pointer = await readVersionPointer(folder);
  const entries: VersionEntry[] = [];
  for (const version of await versionFolders(folder)) {
    const path = join(folder, version);
    const { mtimeMs, size } = await stat(join(path, 'manifest.json'));
    const read = await readArtifactFolder(path).catch((error: Error) => error);
    const damaged = read instanceof Error;
    entries.push({
      version,
      path,
      state: damaged
        ? 'damaged'
        : pointer?.version === version
          ? 'in use'
          : pointer?.withdrawn.includes(version)
            ? 'withdrawn'
            : pointer?.previous[0] === version
              ? 'before'
              : 'kept',
      writtenAtMs: mtimeMs,
      bytes: damaged ? 0 : sizeOf(read.manifest) + size,
      id: damaged ? null : read.manifest.id,
      metrics: damaged ? {} : read.manifest.metrics,
      problem: damaged ? read.message : null,
    });
  }
  return entries.sort((a, b) => b.writtenAtMs - a.writtenAtMs || (a.version < b.version ? -1 : 1));
}

function sizeOf({ files, reports }: Pick<Manifest, 'files' | 'reports'>): number {
  return [...files, ...reports].reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Names of the folders that hold a manifest. */
export async function versionFolders(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    if (!entry.isDirectory() || entry.name.startsWith('.')) continue;
    const manifest = await stat(join(folder, entry.name, 'manifest.json')).catch(() => null);
    if (manifest?.isFile()) found.push(entry.name);
  }
  return found.sort();
}
