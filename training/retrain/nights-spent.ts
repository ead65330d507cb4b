import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { readVersionPointer } from '../artifact/version-pointer.ts';
import { writeAtOnce } from '../artifact/write-at-once.ts';

/** What the gate remembers from night to night, in the router's folder. */
export const GATE_FILE = 'gate.json';

const schema = z.object({
  schemaVersion: z.literal(1),
  /** Of `gate.nightsTolerance`, what the promotions since the best version may have lost; quality, 0 to 1. */
  spent: z.number().min(0).max(1),
  /** The promotion that it was written for. */
  version: z.string(),
  at: z.string(),
});

/**
 * What earlier promotions have spent of the tolerance that all nights share.
 *
 * @returns 0 for a router that has had one version only; null where the file is not there, or cannot be read, and there were
 * promotions: then nobody knows, and all of it counts as spent
 */
export async function readNightsSpent(folder: string): Promise<number | null> {
  try {
    return schema.parse(JSON.parse(await readFile(join(folder, GATE_FILE), 'utf8'))).spent;
  } catch {
    const pointer = await readVersionPointer(folder);
    return pointer === null || pointer.previous.length + pointer.withdrawn.length === 0 ? 0 : null;
  }
}

/** To be written before the version is pointed at: what is cut short in between has then spent too much, never too little. */
export async function writeNightsSpent(
  folder: string,
  kept: { readonly spent: number; readonly version: string; readonly at: string },
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const text = JSON.stringify({ schemaVersion: 1, ...kept }, null, 2);
  await writeAtOnce(join(folder, GATE_FILE), new TextEncoder().encode(`${text}\n`));
}
