import { totalmem } from 'node:os';
import { dirname } from 'node:path';
import { PointsmanError } from 'pointsman';
import { fileError } from './file-error.ts';

const MEGABYTE = 1e6;

/** Of the memory that this process may have, DuckDB gets so much. */
const SHARE = 0.25;
const LEAST_MB = 256;

/** What was to be done needs more memory than it may have. */
export class MemoryLimitError extends PointsmanError {
  readonly code = 'MEMORY_LIMIT';
  /** Megabytes that the rows on their way might have. */
  readonly limitMb: number;

  constructor(limitMb: number, lacking: string | null, options?: ErrorOptions) {
    const more = lacking === null ? '' : ` (${lacking})`;
    super(
      `The rows do not fit into the ${limitMb} MB of memory that they may have${more}. ${adviceOf(limitMb)} What was there stays as it was.`,
      options,
    );
    this.limitMb = limitMb;
  }
}

/** Twice as much where the machine has it to give. */
export function adviceOf(limitMb: number, available = memoryMb()): string {
  const twice = Math.ceil((2 * limitMb) / 1000);
  const had = `Of this machine's memory, ${available} MB can be had.`;
  return 1000 * twice <= 0.8 * available
    ? `${had} Give more with --memory (\`memoryLimitMb\`), such as --memory ${twice}GB, or split the files and add one after the other with --append.`
    : `${had} Split the files and add one after the other with --append, or take a machine with more memory.`;
}

/** Megabytes that this process may have: of the machine, or of the container (cgroup) that it runs in. */
export function memoryMb(total = totalmem(), constrained = process.constrainedMemory?.() ?? 0): number {
  // Where nothing limits it, Node says 0, or more than there is.
  const bytes = constrained > 0 && constrained < total ? constrained : total;
  return Math.floor(bytes / MEGABYTE);
}

/** Megabytes for rows on their way unless told otherwise: a quarter of what can be had. */
export function defaultMemoryMb(available = memoryMb()): number {
  return Math.max(LEAST_MB, Math.floor(SHARE * available));
}

const IS_DISK = /no space left on device|max_temp_directory_size|failed to offload data block/i;
const IS_MEMORY = /out of memory error|bad allocation/i;
const LACKING =
  /(?:could not allocate block|failed to allocate (?:data|block)|failed to pin block) of size ([\d.]+ \w+) \(([\d.]+ \w+)\/[\d.]+ \w+ used\)/;

/**
 * What DuckDB says of memory and of disk, in our words. Any other error stays as it is.
 * @param folder the run's own, where rows go that do not fit into memory
 */
export function scratchError(cause: unknown, limitMb: number, folder: string): unknown {
  const said = saidIn(cause);
  if (IS_DISK.test(said) && (said.includes(folder) || !/no space left/i.test(said))) {
    const full = Object.assign(new Error(said, { cause }), { code: 'ENOSPC' });
    return fileError(
      full,
      `Rows that do not fit into ${limitMb} MB of memory cannot be put into the temporary folder ${dirname(folder)}`,
      'Make room, name a folder of a larger disk with --temporary-folder, or give more memory with --memory; what was there stays as it was',
    );
  }
  if (cause instanceof MemoryLimitError || !IS_MEMORY.test(said)) return cause;
  const [, more, used] = LACKING.exec(said) ?? [];
  return new MemoryLimitError(
    limitMb,
    more === undefined ? null : `${more} more were needed when ${used} were in use`,
    { cause },
  );
}

/** The messages of an error and of what caused it. */
function saidIn(error: unknown): string {
  const messages: string[] = [];
  for (let each = error; each instanceof Error && messages.length < 10; each = each.cause)
    messages.push(each.message);
  return messages.join('\n');
}
