/** What a command may touch of the terminal, so that tests can stand in for it. */
export interface CommandIo {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Whether standard error is a terminal, where a progress bar can be drawn. */
  readonly isTTY: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
}
