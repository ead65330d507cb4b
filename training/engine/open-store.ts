import { randomUUID } from 'node:crypto';
import { constants, copyFile, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { EngineError } from './engine.ts';
import { type Objects, ShardStore } from './shard-store.ts';

/**
 * The store at an address: a folder that all machines of a run see under the same path or another, or `s3://bucket/prefix`.
 * @throws EngineError where it cannot be written to; InvalidInputError where it is no address of a store
 */
export async function openStore(address: string, scratch: string): Promise<ShardStore> {
  const objects = address.startsWith('s3://')
    ? await (await import('./s3-objects.ts')).openS3Objects(address)
    : await openFolder(address);
  const store = new ShardStore(objects);
  await store.check(scratch);
  return store;
}

async function openFolder(address: string): Promise<Objects> {
  try {
    await mkdir(address, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw storeError(cause, address);
  }
  return new FolderObjects(address);
}

function storeError(cause: unknown, address: string): EngineError {
  return new EngineError(
    `The store ${address} must be a folder that can be written to. It said: ${(cause as Error).message}. Name another with --store, set its rights or make room; what was there stays.`,
    { cause },
  );
}

/** Objects as files: each is written under another name, brought to the disk and renamed. */
class FolderObjects implements Objects {
  readonly address: string;
  readonly #folder: string;

  constructor(address: string) {
    this.address = address;
    this.#folder = resolve(address);
  }

  async read(name: string): Promise<Uint8Array | null> {
    return orNull(readFile(join(this.#folder, name)));
  }

  async write(name: string, content: Uint8Array | { readonly file: string }): Promise<void> {
    const path = join(this.#folder, name);
    const aside = join(dirname(path), `.writing-${randomUUID()}`);
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      if (!(content instanceof Uint8Array)) await copyFile(content.file, aside, constants.COPYFILE_FICLONE);
      const handle = await open(aside, content instanceof Uint8Array ? 'wx' : 'r+', 0o600);
      try {
        // Prompts are their owner's alone.
        await handle.chmod(0o600);
        if (content instanceof Uint8Array) await handle.writeFile(content);
        await handle.datasync();
      } finally {
        await handle.close();
      }
      await rename(aside, path);
    } catch (cause) {
      throw storeError(cause, this.address);
    } finally {
      await rm(aside, { force: true }).catch(() => {});
    }
  }

  async has(name: string): Promise<boolean> {
    return (await orNull(stat(join(this.#folder, name)))) !== null;
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.#folder, name), { force: true });
  }

  async localFile(name: string): Promise<string | null> {
    return (await this.has(name)) ? join(this.#folder, name) : null;
  }
}

async function orNull<Value>(value: Promise<Value>): Promise<Value | null> {
  try {
    return await value;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw cause;
  }
}
