import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { InvalidInputError } from 'pointsman';

/** A file of a decision log. */
export interface LogFile {
  readonly path: string;
  /** Its name without what says the format: the same before and after it is compacted. */
  readonly stem: string;
  readonly format: 'jsonl' | 'parquet';
}

const NAME = /^(decisions-(\d{8}T\d{9}Z)-(\d+))\.(jsonl|parquet)$/;

/**
 * The files of a log, oldest first, each once: where one is there in both formats, compacting it was cut short after
 * the Parquet was whole, and that counts. Anything else in the folder is passed over.
 *
 * @throws InvalidInputError when there is no such folder.
 */
export async function listLogFiles(folder: string): Promise<LogFile[]> {
  const byStem = new Map<string, LogFile & { readonly order: string }>();
  for (const name of await namesIn(folder)) {
    const [, stem, time, number, format] = NAME.exec(name) ?? [];
    if (format !== 'jsonl' && format !== 'parquet') continue;
    if (format === 'jsonl' && byStem.get(stem)?.format === 'parquet') continue;
    const order = `${time}-${number.padStart(10, '0')}`;
    byStem.set(stem, { path: join(folder, name), stem, format, order });
  }
  return [...byStem.values()]
    .sort((a, b) => (a.order < b.order ? -1 : 1))
    .map(({ path, stem, format }) => ({ path, stem, format }));
}

/** JSONL files whose Parquet is whole: what is left to remove when compacting was cut short. */
export async function listCompactedTwice(folder: string): Promise<string[]> {
  const names = new Set(await namesIn(folder));
  return [...names]
    .filter((name) => NAME.test(name) && name.endsWith('.jsonl'))
    .filter((name) => names.has(name.replace(/jsonl$/, 'parquet')))
    .map((name) => join(folder, name));
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (cause) {
    throw new InvalidInputError(
      `${folder} cannot be read: ${(cause as Error).message} Give the folder of a decision log.`,
      { cause },
    );
  }
}
