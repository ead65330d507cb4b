/** What compacting a log did. */
export interface CompactReport {
  /** Files that are Parquet now. */
  readonly compacted: number;
  /** Records in them. */
  readonly records: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  /** Lines that a crash cut off, which are no records: at most one a file. */
  readonly linesCutOff: number;
  /** Files that a process may still write to, left as they are. */
  readonly open: number;
  /** Files that were Parquet before. */
  readonly alreadyCompacted: number;
  /** Files that are left as they are, and why. */
  readonly refused: readonly { readonly path: string; readonly reason: string }[];
}
