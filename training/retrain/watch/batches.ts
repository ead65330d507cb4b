import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InvalidInputError } from 'pointsman';
import { z } from 'zod';
import { writeAtOnce } from '../../artifact/write-artifact.ts';
import type { BatchScreening } from './screen.ts';
import { sourceOfBatch } from './screening-units.ts';

const schema = z.object({
  /** Batches that are not trusted, until somebody releases them. */
  quarantined: z.record(
    z.string(),
    z.object({
      since: z.string(),
      rows: z.number(),
      reasons: z.array(z.string()),
      /** What it was judged together with, where it is too small alone: a name that can be released. */
      pool: z.string().optional(),
      released: z.boolean().default(false),
    }),
  ),
  /** Batches that were judged, with the prompts they had then. */
  screened: z.record(z.string(), z.number()),
  /** When a batch of each source was first believed; of files of earlier versions that is not known. */
  believedSince: z.record(z.string(), z.string()).optional(),
  /** Prompts dated in the future that were told of. */
  future: z.number().default(0),
});

/** What is remembered of batches from run to run: `quarantine.json` in the router's folder. */
export type Quarantine = z.output<typeof schema>;

const FILE = 'quarantine.json';

/** @throws InvalidInputError where the file is there and cannot be read: to go on would be to trust everything. */
export async function readQuarantine(folder: string): Promise<Quarantine> {
  const text = await readFile(join(folder, FILE), 'utf8').catch(() => null);
  if (text === null) return { quarantined: {}, screened: {}, believedSince: {}, future: 0 };
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

/**
 * Batches that have to be looked at: new ones, those that have grown since, and those that were too small.
 *
 * @param rows prompts with a quality, by batch @param fewestRows what is enough to be judged alone
 */
export function batchesToScreen(
  { believedSince, quarantined, screened }: Quarantine,
  rows: ReadonlyMap<string, number>,
  fewestRows: number,
): Set<string> {
  return new Set(
    [...rows].flatMap(([batch, count]) => {
      // Earlier versions took down small batches as if they had been judged.
      const wasJudged = screened[batch] === count && (believedSince !== undefined || count >= fewestRows);
      return batch in quarantined || wasJudged ? [] : [batch];
    }),
  );
}

/** When each source was first believed. Of files of earlier versions all that is known is that it was before. */
export function sourcesBelieved({
  believedSince,
  quarantined,
  screened,
}: Quarantine): Record<string, string> {
  const batches = Object.keys(screened).filter((batch) => !(batch in quarantined));
  return believedSince ?? Object.fromEntries(batches.map((batch) => [sourceOfBatch(batch), '']));
}

/** Takes down what was found of batches. */
export function remember(
  quarantine: Quarantine,
  rows: ReadonlyMap<string, number>,
  found: readonly BatchScreening[],
  at: string,
  future: number,
): Quarantine {
  const judged = found.flatMap(({ batch, batches, suspicions }) =>
    (batches ?? [batch]).map((name) => ({
      name,
      suspicions,
      ...(batches === undefined ? {} : { pool: batch }),
    })),
  );
  const suspects = judged.filter(({ suspicions }) => suspicions.length > 0);
  const believed = judged.filter(({ suspicions }) => suspicions.length === 0);
  const stillThere = Object.entries(quarantine.screened).filter(([batch]) => rows.has(batch));
  return {
    quarantined: {
      ...quarantine.quarantined,
      ...Object.fromEntries(
        suspects.map(({ name, suspicions, ...pool }) => [
          name,
          {
            since: at,
            rows: rows.get(name) ?? 0,
            reasons: suspicions.map(({ sentence }) => sentence),
            ...pool,
            released: false,
          },
        ]),
      ),
    },
    screened: {
      ...Object.fromEntries(stillThere),
      ...Object.fromEntries(judged.map(({ name }) => [name, rows.get(name) ?? 0])),
    },
    believedSince: {
      ...Object.fromEntries(believed.map(({ name }) => [sourceOfBatch(name), at])),
      // Who was believed before stays as old as it is.
      ...sourcesBelieved(quarantine),
    },
    future,
  };
}

/** Trusts a batch after all, or all that were judged together. @throws InvalidInputError where it is not in quarantine */
export async function releaseBatch(folder: string, batch: string): Promise<void> {
  const quarantine = await readQuarantine(folder);
  const entries = Object.entries(quarantine.quarantined);
  const held = entries.filter(([name, { pool }]) => name === batch || pool === batch);
  if (held.length === 0) {
    const names = [...new Set(entries.map(([name, { pool }]) => pool ?? name))];
    throw new InvalidInputError(
      `There is no batch "${batch}" in quarantine. ${names.length === 0 ? 'None is.' : `There are: ${names.join(', ')}.`}`,
    );
  }
  await writeQuarantine(folder, {
    ...quarantine,
    quarantined: {
      ...quarantine.quarantined,
      ...Object.fromEntries(held.map(([name, entry]) => [name, { ...entry, released: true }])),
    },
  });
}
