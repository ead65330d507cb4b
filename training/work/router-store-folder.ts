import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { workPart } from './private-folder.ts';

/**
 * Where what a router has gathered is kept: `<work>/routers/<name>-<digits>/<part>`. The digits are of the whole path of its
 * folder as seen from the work folder, so that `eu/support` and `us/support` are two, and a project that moves keeps its own.
 */
export async function routerPart(work: string, router: string, part: string): Promise<string> {
  const own = await realpath(await workPart(work));
  const path = relative(own, await realPath(router))
    .split(sep)
    .join('/');
  const digits = createHash('sha256').update(path).digest('hex').slice(0, 12);
  const name = basename(resolve(router))
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .slice(0, 40);
  return workPart(work, 'routers', `${name}-${digits}`, part);
}

/** The real path of a folder, which need not be there yet. */
async function realPath(path: string): Promise<string> {
  const whole = resolve(path);
  try {
    return await realpath(whole);
  } catch {
    const parent = dirname(whole);
    return parent === whole ? whole : join(await realPath(parent), basename(whole));
  }
}
