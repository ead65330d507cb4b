import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readVersionPointer } from '../artifact/version-pointer.ts';
import { versionFolders } from '../artifact/versions.ts';
import { WRITING_PREFIX } from '../artifact/write-at-once.ts';

/** Half-written folders older than this are what a crash has left. */
const ABANDONED_MS = 24 * 3_600_000;

/**
 * Deletes old versions of a router. The last `keep` that were in use stay, and the last `keep` written of those that never
 * were (refused challengers); the one in use and the one before it stay in any case. Where there is no pointer that
 * can be read, nothing is deleted.
 *
 * @param keep >= 1
 * @returns the versions deleted
 */
export async function pruneVersions(folder: string, keep: number, nowMs = Date.now()): Promise<string[]> {
  const pointer = await readVersionPointer(folder);
  if (pointer === null) return [];
  const there = await versionFolders(folder);
  const used = [pointer.version, ...pointer.previous].filter((one) => there.includes(one));
  const others = await Promise.all(
    there
      .filter((version) => !used.includes(version))
      .map(async (version) => {
        const { mtimeMs } = await stat(join(folder, version, 'manifest.json'));
        return { version, mtimeMs };
      }),
  );
  others.sort((a, b) => b.mtimeMs - a.mtimeMs || (a.version < b.version ? -1 : 1));
  const old = [
    // Two at least: there must be one to roll back to.
    ...used.slice(Math.max(2, keep)),
    ...others.slice(keep).map(({ version }) => version),
  ];
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
