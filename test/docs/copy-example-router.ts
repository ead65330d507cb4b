import { cp } from 'node:fs/promises';
import { exampleRouter } from '../../docs/examples/example-router.ts';
import { madeOnce } from '../fixtures/made-once.ts';

/** Puts the router of docs/examples, its traffic and all else of it into a folder: it is trained once in a run. */
export async function copyExampleRouter(folder: string): Promise<void> {
  const made = await madeOnce('example-router', async (making) => {
    await exampleRouter({}, making);
  });
  await cp(made, folder, { recursive: true });
}
