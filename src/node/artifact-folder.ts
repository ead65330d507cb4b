import { constants } from 'node:fs';
import { type FileHandle, open, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { ArtifactFiles } from '../artifact/artifact-files.ts';
import { isSafePath } from '../artifact/safe-path.ts';
import { ArtifactError } from '../errors/artifact-error.ts';

/**
 * The files of a folder, and of no other: a link that leads out of it is refused, and so is what is not a plain
 * file. A file's size is looked at before it is read.
 */
export function folderFiles(folder: string): ArtifactFiles {
  const root = realpath(folder);
  // Whoever reads first sees the failure; until then it must not count as unhandled.
  root.catch(() => {});
  return {
    async read(path, maxBytes) {
      if (!isSafePath(path)) throw new ArtifactError(`"${path}" is not a path inside the artifact.`);
      const base = await root;
      const real = await realpath(join(base, path));
      if (!real.startsWith(base.endsWith(sep) ? base : base + sep)) {
        throw new ArtifactError(`"${path}" leads out of the artifact's folder, to ${real}.`);
      }
      // To open a device may do something, so only what is a file is opened.
      if (!(await stat(real)).isFile()) throw new ArtifactError(`"${path}" is not a file.`);
      // Not blocking, so that a pipe that takes its place meanwhile cannot make us wait.
      const file = await open(real, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
      try {
        return await readWhole(file, path, maxBytes);
      } finally {
        await file.close();
      }
    },
  };
}

async function readWhole(file: FileHandle, path: string, maxBytes: number): Promise<Uint8Array> {
  const found = await file.stat();
  if (!found.isFile()) throw new ArtifactError(`"${path}" is not a file.`);
  if (found.size > maxBytes) {
    throw new ArtifactError(`"${path}" is ${found.size} bytes long; it must be at most ${maxBytes}.`);
  }
  // Not zeroed first, since all of it is overwritten or cut off.
  const bytes = new Uint8Array(Buffer.allocUnsafeSlow(found.size).buffer);
  let length = 0;
  while (length < bytes.length) {
    const { bytesRead } = await file.read(bytes, length, bytes.length - length, length);
    if (bytesRead === 0) return bytes.slice(0, length);
    length += bytesRead;
  }
  return bytes;
}
