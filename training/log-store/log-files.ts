import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { InvalidInputError } from 'pointsman';

/** A file of a decision log. */
export interface LogFile {
  readonly path: string;
  /** Its name without what says the format: the same before and after it is compacted. */
  readonly stem: string;
  readonly format: 'jsonl' | 'parquet';
  /** Of a Parquet, the JSONL of the same name, where that is there too: it holds the same, or more. */
  readonly jsonl?: string;
}

/** How JSONL files begin that are about to be removed, since everything of them is in a Parquet. */
export const CLAIMED_PREFIX = '.claimed-';

const NAME = /^(decisions-(\d{8}T\d{9}Z)-(\d+))\.(jsonl|parquet)$/;

/**
 * The files of a log, oldest first. Where one is there in both formats, compacting it was cut short after the Parquet was
 * whole. Anything else in the folder is passed over.
 *
 * @throws InvalidInputError when there is no such folder.
 */
export async function listLogFiles(folder: string): Promise<LogFile[]> {
  const names = new Set(await namesIn(folder));
  const files: (LogFile & { readonly order: string })[] = [];
  for (const name of names) {
    const [, stem, time, number, format] = NAME.exec(name) ?? [];
    if (format !== 'jsonl' && format !== 'parquet') continue;
    const jsonl = `${stem}.jsonl`;
    const isBoth = names.has(jsonl) && names.has(`${stem}.parquet`);
    if (isBoth && format === 'jsonl') continue;
    const order = `${time}-${number.padStart(10, '0')}`;
    files.push({
      path: join(folder, name),
      stem,
      format,
      order,
      ...(isBoth ? { jsonl: join(folder, jsonl) } : {}),
    });
  }
  return files.sort((a, b) => (a.order < b.order ? -1 : 1)).map(({ order: _, ...file }) => file);
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
