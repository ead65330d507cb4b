import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { InvalidInputError } from 'pointsman';
import type { Judge, JudgeAnswer } from '../ingest/judge.ts';
import { httpJudge } from './http-judge.ts';

/**
 * Opens a judge: the address of an endpoint (http or https), or the path of an ES module whose default export is the
 * function. A module that was changed is another judge.
 * @throws InvalidInputError when there is no such module, or it exports no function.
 */
export async function openJudge(place: string): Promise<Judge> {
  if (/^https?:\/\//.test(place)) return { id: place, judge: httpJudge(place) };
  const file = resolve(place);
  try {
    const id = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
    const { default: judge } = (await import(pathToFileURL(file).href)) as { default?: unknown };
    if (typeof judge === 'function') return { id, judge: judge as JudgeAnswer };
  } catch (cause) {
    throw new InvalidInputError(
      `The judge ${place} cannot be loaded: ${(cause as Error).message}. Give an ES module (.mjs) that can be imported, or an address.`,
      { cause },
    );
  }
  throw new InvalidInputError(
    `The judge ${place} must have a default export: async ({ prompt, answer, candidate }) => a number from 0 to 1.`,
  );
}
