import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readVersionPointer, WRITING_PREFIX } from '../artifact/index.ts';
import { versionFolders } from './list-versions.ts';

/** Half-written folders older than this are what a crash has left. */
const ABANDONED_MS = 24 * 3_600_000;

/**
 * Deletes old versions of a router: those beyond the last `keep` written. The one in use and the one before it stay,
 * whatever their age; where there is no pointer that can be read, nothing is deleted.
 *
 * @param keep versions that stay, >= 1
 * @returns the versions deleted
 */
export async function pruneVersions(folder: string, keep: number, nowMs = Date.now()): Promise<string[]> {
  const pointer = await readVersionPointer(folder);
  if (pointer === null) return [];
  const there = await versionFolders(folder);
  const before = pointer.previous.find((one) => there.includes(one));
  const dated = await Promise.all(
    there.map(async (version) => {
      const { mtimeMs } = await stat(join(folder, version, 'manifest.json'));
      return { version, mtimeMs };
    }),
  );
  dated.sort((a, b) => b.mtimeMs - a.mtimeMs || (a.version < b.version ? -1 : 1));
  const old = dated
    .slice(keep)
    .map(({ version }) => version)
    .filter((version) => version !== pointer.version && version !== before);
  for (const version of old) await rm(join(folder, version), { recursive: true, force: true });
  await removeAbandoned(folder, nowMs);
  return old;
}

async function removeAbandoned(folder: string, nowMs: number): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(WRITING_PREFIX)) continue;
    const path = join(folder, name);
    const found = await stat(path).catch(() => null);
    if (found !== null && nowMs - found.mtimeMs > ABANDONED_MS)
      await rm(path, { recursive: true, force: true });
  }
}
