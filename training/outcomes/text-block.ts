/** Some lines of a file: JSON documents parted by line breaks, all of it valid UTF-8. Blank lines hold no row. */
export interface TextBlock {
  readonly bytes: Uint8Array;
  /** Number of the first line, counted from 1. */
  readonly firstLine: number;
}

/** Documents of this many bytes go to DuckDB at a time. */
export const BLOCK_BYTES = 2 * 2 ** 20;
