import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InvalidInputError } from 'pointsman';
import { z } from 'zod';
import { writeAtOnce } from '../../artifact/write-artifact.ts';
import { saidBy } from '../../work/run-folder.ts';
import { dayOf, type ScoredTraffic } from './candidate-shifts.ts';

/** What is judged as one: a batch, or several that are too small to be judged alone. */
export interface ScreeningUnit {
  /** The batch's own name, or what the batches have in common. */
  readonly name: string;
  readonly batches: readonly string[];
  readonly cells: readonly ScoredCell[];
  /** Prompts with a quality. */
  readonly rows: number;
  /** Its last day: "2026-11-25". */
  readonly lastDay: string;
}

const UNDATED = 'undated ';
const DAY_LENGTH = '2026-11-25'.length;

/** The batch of one day of a source; of prompts without a time, where `day` is null. */
export function batchName(day: string | null, source: string): string {
  return day === null ? `${UNDATED}${source}` : `${day} ${source}`;
}

export function dayOfBatch(batch: string): string {
  return batch.slice(0, DAY_LENGTH);
}

export function sourceOfBatch(batch: string): string {
  return batch.slice(batch.startsWith(UNDATED) ? UNDATED.length : DAY_LENGTH + 1);
}

/**
 * Parts batches into units of at least `fewestRows` prompts. Who sends little at a time, or under many names, is judged all
 * the same: small batches of one source are pooled over its days, what is still small over all sources of a day, and the rest
 * over all days. Sources that have been believed before are never pooled with new ones.
 *
 * @param cellsOf of each batch to be judged
 * @returns the units, and with them the few prompts that are not enough for one: they wait for more
 */
export function screeningUnits(
  cellsOf: ReadonlyMap<string, readonly ScoredCell[]>,
  isKnown: (source: string) => boolean,
  fewestRows: number,
): ScreeningUnit[] {
  const units: ScreeningUnit[] = [];
  /** Makes a unit of each group that is large enough. @returns batches of the others */
  const take = (
    batches: readonly string[],
    keyOf: (batch: string) => string,
    nameOf: (group: readonly string[]) => string,
  ): string[] => {
    const rest: string[] = [];
    for (const group of groupBy(batches, keyOf).values()) {
      const cells = group.flatMap((batch) => cellsOf.get(batch) ?? []);
      const rows = countRows(cells);
      if (rows < fewestRows) for (const batch of group) rest.push(batch);
      else
        units.push({
          name: nameOf(group),
          batches: group,
          cells,
          rows,
          lastDay: dayOfBatch(group[group.length - 1]),
        });
    }
    return rest;
  };
  const kind = (batch: string) => (isKnown(sourceOfBatch(batch)) ? 'known' : 'new');
  const sources = (group: readonly string[]) => new Set(group.map(sourceOfBatch)).size;
  const own = take(
    [...cellsOf.keys()].sort(),
    (batch) => batch,
    ([batch]) => batch,
  );
  // Prompts without a time neither teach nor judge.
  const dated = own.filter((batch) => !batch.startsWith(UNDATED));
  const bySource = take(dated, sourceOfBatch, (group) => `${daysOf(group)} ${sourceOfBatch(group[0])}`);
  const byDay = take(
    bySource,
    (batch) => `${dayOfBatch(batch)} ${kind(batch)}`,
    (group) => `${daysOf(group)} ${sources(group)} ${kind(group[0])} sources`,
  );
  take(byDay, kind, (group) => `${daysOf(group)} ${sources(group)} ${kind(group[0])} sources`);
  return units;
}

function daysOf(batches: readonly string[]): string {
  const days = batches.map(dayOfBatch);
  const [first, last] = [days[0], days[days.length - 1]];
  return first === last ? first : `${first} to ${last}`;
}

export function countRows(cells: readonly ScoredCell[]): number {
  return new Set(cells.map(({ row }) => row)).size;
}

/** An outcome with a quality, and what the champion expected of it. */
export interface ScoredCell {
  readonly row: number;
  readonly candidate: number;
  readonly day: number;
  readonly group: number;
  readonly quality: number;
  /** NaN where the champion does not know the candidate. */
  readonly predicted: number;
}

/** Every observed quality of the traffic. */
export function scoredCells({ matrix, success }: ScoredTraffic, groups: Int32Array): ScoredCell[] {
  const columns = matrix.candidates.length;
  const cells: ScoredCell[] = [];
  matrix.quality.forEach((quality, cell) => {
    if (Number.isNaN(quality)) return;
    const row = Math.floor(cell / columns);
    cells.push({
      row,
      candidate: cell % columns,
      day: dayOf(matrix.prompts[row].timestampMs),
      group: groups[row],
      quality,
      predicted: success[cell],
    });
  });
  return cells;
}

/** Lists of equal keys. */
export function groupBy<Item, Key>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const lists = new Map<Key, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const list = lists.get(key);
    if (list === undefined) lists.set(key, [item]);
    else list.push(item);
  }
  return lists;
}

/** Why a batch is not trusted, and the figure it rests on. */
export interface Suspicion {
  readonly kind: 'order' | 'levels' | 'praise' | 'copies' | 'repeats';
  readonly sentence: string;
}

/** What was found of one batch, a day of one source, or of several that are too small alone. Plain JSON. */
export interface BatchScreening {
  /** "2026-11-25 pointsman"; of several "2026-11-20 to 2026-11-25 pointsman", or "2026-11-25 60 new sources" */
  readonly batch: string;
  /** The batches, where it is several. */
  readonly batches?: readonly string[];
  /** Prompts with a quality. */
  readonly rows: number;
  /** Prompts it was compared with; 0: nothing to compare with, so it is believed. */
  readonly reference: number;
  readonly suspicions: readonly Suspicion[];
}

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
      `${join(folder, FILE)} cannot be read: ${saidBy(cause)} Put it right, or delete it to trust every batch.`,
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
