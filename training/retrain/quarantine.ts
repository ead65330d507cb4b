import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InvalidInputError } from 'pointsman';
import { z } from 'zod';
import { writeAtOnce } from '../artifact/index.ts';
import type { BatchScreening } from '../screening/index.ts';

const schema = z.object({
  /** Batches that are not trusted, until somebody releases them. */
  quarantined: z.record(
    z.string(),
    z.object({
      since: z.string(),
      rows: z.number(),
      reasons: z.array(z.string()),
      released: z.boolean().default(false),
    }),
  ),
  /** Batches looked at, with the prompts they had then. */
  screened: z.record(z.string(), z.number()),
});

/** What is remembered of batches from run to run: `quarantine.json` in the router's folder. */
export type Quarantine = z.output<typeof schema>;

const FILE = 'quarantine.json';

/** @throws InvalidInputError where the file is there and cannot be read: to go on would be to trust everything. */
export async function readQuarantine(folder: string): Promise<Quarantine> {
  const text = await readFile(join(folder, FILE), 'utf8').catch(() => null);
  if (text === null) return { quarantined: {}, screened: {} };
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new InvalidInputError(
      `${join(folder, FILE)} cannot be read: ${(cause as Error).message.split('\n')[0]} Put it right, or delete it to trust every batch.`,
      { cause },
    );
  }
}

export async function writeQuarantine(folder: string, quarantine: Quarantine): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeAtOnce(join(folder, FILE), new TextEncoder().encode(`${JSON.stringify(quarantine, null, 2)}\n`));
}

/** Names of the batches that nothing is learned from and nothing judged by. */
export function quarantinedBatches({ quarantined }: Quarantine): Set<string> {
  return new Set(Object.keys(quarantined).filter((batch) => !quarantined[batch].released));
}

/** Batches that have to be looked at: new ones, and those that have grown since. */
export function batchesToScreen(quarantine: Quarantine, rows: ReadonlyMap<string, number>): Set<string> {
  return new Set(
    [...rows.keys()].filter(
      (batch) => !(batch in quarantine.quarantined) && quarantine.screened[batch] !== rows.get(batch),
    ),
  );
}

/** Takes down what was found of batches. */
export function remember(
  quarantine: Quarantine,
  rows: ReadonlyMap<string, number>,
  found: readonly BatchScreening[],
  at: string,
): Quarantine {
  const suspects = found.filter(({ suspicions }) => suspicions.length > 0);
  return {
    quarantined: {
      ...quarantine.quarantined,
      ...Object.fromEntries(
        suspects.map(({ batch, rows: count, suspicions }) => [
          batch,
          { since: at, rows: count, reasons: suspicions.map(({ sentence }) => sentence), released: false },
        ]),
      ),
    },
    screened: Object.fromEntries(rows),
  };
}

/** Trusts a batch after all. @throws InvalidInputError where it is not in quarantine */
export async function releaseBatch(folder: string, batch: string): Promise<void> {
  const quarantine = await readQuarantine(folder);
  const held = quarantine.quarantined[batch];
  if (held === undefined) {
    const names = Object.keys(quarantine.quarantined);
    throw new InvalidInputError(
      `There is no batch "${batch}" in quarantine. ${names.length === 0 ? 'None is.' : `There are: ${names.join(', ')}.`}`,
    );
  }
  await writeQuarantine(folder, {
    ...quarantine,
    quarantined: { ...quarantine.quarantined, [batch]: { ...held, released: true } },
  });
}
