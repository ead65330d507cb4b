import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { openBucket } from '../../../training/engine/objects.ts';
import { listParts } from '../../../training/log-store/read.ts';
import { type S3Server, startS3Server } from '../../fixtures/s3-server.ts';

/** A place that a store of logs may be in. */
export interface StoreKind {
  readonly kind: 'folder' | 'bucket';
  /** The address of a store that is not there yet. */
  newStore(): string;
  /** Everything that lies there, whether it counts or not. */
  names(address: string): Promise<string[]>;
  read(address: string, name: string): Promise<Buffer>;
  /** Names of the files that count. */
  parts(address: string): Promise<string[]>;
}

/**
 * Both of them, the bucket on a server of its own, which the environment points to while the file's tests run.
 * @param folder for all that they hold
 */
export function storeKinds(folder: string): readonly StoreKind[] & { readonly server: () => S3Server } {
  let stores = 0;
  let server: S3Server;
  let setBack = () => {};
  beforeAll(async () => {
    await mkdir(join(folder, 's3'), { recursive: true });
    server = await startS3Server(join(folder, 's3'));
    setBack = server.use();
  });
  afterAll(async () => {
    setBack();
    await server.close();
  });
  const inFolder: StoreKind = {
    kind: 'folder',
    newStore: () => join(folder, `store-${stores++}`),
    names: async (address) =>
      (await readdir(address, { recursive: true, withFileTypes: true }))
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(address.length + 1))
        .sort(),
    read: (address, name) => readFile(join(address, name)),
    parts: async (address) => (await listParts(address)).map(({ path }) => path.slice(address.length + 1)),
  };
  const inBucket: StoreKind = {
    kind: 'bucket',
    newStore: () => `s3://logs/of mine/store-${stores++}`,
    async names(address) {
      const names: string[] = [];
      for await (const { name } of (await openBucket(address)).list('')) names.push(name);
      return names;
    },
    async read(address, name) {
      return Buffer.from((await (await openBucket(address)).read(name)) ?? []);
    },
    async parts(address) {
      const list = JSON.parse((await this.read(address, 'log-store.json')).toString());
      return list.files.map((file: { readonly name: string }) => file.name);
    },
  };
  return Object.assign([inFolder, inBucket], { server: () => server });
}
