/** Ends a command with a code of its own, after it has said what there is to say. */
export class ExitCode extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`Ends with ${exitCode}.`);
    this.exitCode = exitCode;
  }
}
