import { pathToFileURL } from 'node:url';

/** What an example tells, line by line. */
export type Tell = (line: string) => void;

/** Runs an example when its file is the one that was started: `npx tsx docs/examples/search-engine.ts`. */
export async function runDirectly(url: string, example: (tell: Tell) => Promise<unknown>): Promise<void> {
  if (url === pathToFileURL(process.argv[1] ?? '').href) {
    await example((line) => process.stdout.write(`${line}\n`));
  }
}
