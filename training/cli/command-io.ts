/** What a command may touch of the terminal, so that tests can stand in for it. */
export interface CommandIo {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** All of standard input, once it has ended. */
  readonly stdin: () => Promise<string>;
  /** Whether standard error is a terminal, where a progress bar can be drawn. */
  readonly isTTY: boolean;
  /** Width that text is wrapped to, in characters. */
  readonly columns: number;
  readonly env: Readonly<Record<string, string | undefined>>;
}
