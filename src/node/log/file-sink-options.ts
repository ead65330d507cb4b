export interface FileSinkOptions {
  /** Where the files go; made when it is not there. Several processes may write to one folder. */
  readonly folder: string;
  /** Bytes after which the next batch begins a new file. @default 67108864 */
  readonly maxBytes?: number;
  /** Milliseconds after which nothing is written to a file any more. @default 86400000, a day */
  readonly maxAgeMs?: number;
  /**
   * When records must have reached the disk, and not only the operating system, which keeps them when the process is
   * killed, and not when the machine is: before a batch counts as written, when a file is closed, or when the system
   * likes. @default 'batch'
   */
  readonly fsync?: 'batch' | 'file' | 'never';
  /** Milliseconds since 1970. @default the system's time */
  readonly now?: () => number;
}
