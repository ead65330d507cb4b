import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createInProcessEngine, openStore, type ShardStore } from '../../../training/engine/engine.ts';
import { type S3Server, startS3Server } from '../../fixtures/s3-server.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { TEST_STEPS } from './engine-steps.ts';

const { folder, path } = temporaryFolder();
let server: S3Server;
let setBack = () => {};

beforeAll(async () => {
  server = await startS3Server(path('s3'));
  setBack = server.use();
});
afterAll(async () => {
  setBack();
  await server.close();
});

describe('a store in a bucket', () => {
  const open = (): Promise<ShardStore> => openStore('s3://shards/runs/of mine', folder);

  it('keeps bytes and files under their digest, and brings them back', async () => {
    const store = await open();
    const bytes = Uint8Array.from({ length: 3_000_000 }, (_, i) => i % 251);
    await writeFile(path('large'), bytes);
    const digest = await store.put({ file: path('large') });
    expect(await store.put(bytes)).toBe(digest);
    expect(Buffer.from(await store.read(digest)).equals(bytes)).toBe(true);
    expect((await readFile(await store.fetch(digest, folder))).equals(bytes)).toBe(true);
    const empty = await store.put(new Uint8Array());
    expect(await store.read(empty)).toHaveLength(0);
  });

  it('says of a shard that it is not there', async () => {
    const gone = 'ab'.repeat(32);
    await expect((await open()).read(gone)).rejects.toThrow(
      `shards/ab/${gone} is not in s3://shards/runs/of mine`,
    );
    await expect((await open()).fetch(gone, folder)).rejects.toMatchObject({ code: 'MISSING_SHARD' });
  });

  it('remembers what was done, for whoever opens it next', async () => {
    const job = {
      step: 'add',
      inputs: [await (await open()).put(Buffer.from('40'))],
      parameters: { more: 2 },
    };
    const ran: string[] = [];
    const run = async () => {
      const onTime = (step: string): void => void ran.push(step);
      const engine = createInProcessEngine({
        steps: TEST_STEPS,
        store: await open(),
        scratch: folder,
        onTime,
      });
      return engine.run([job]);
    };
    const [[sum]] = await run();
    expect(Buffer.from(await (await open()).read(sum)).toString()).toBe('42');
    expect(await run()).toEqual([[sum, expect.any(String)]]);
    expect(ran).toEqual(['add']);
  });

  it('names a bucket that is not there, keys that are wrong, and a server that is none', async () => {
    await expect(openStore('s3://nowhere/x', folder)).rejects.toThrow(
      'The store s3://nowhere/x must be a bucket that can be read and written. It said: NoSuchBucket',
    );
    await expect(openStore('s3://', folder)).rejects.toThrow(
      'A store must be a folder, or a bucket as s3://bucket/prefix. Got "s3://".',
    );
    process.env.AWS_ENDPOINT_URL_S3 = 'http://127.0.0.1:1';
    try {
      await expect(open()).rejects.toMatchObject({ code: 'ENGINE' });
    } finally {
      server.use();
    }
  });
});
