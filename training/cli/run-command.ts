import { type Command, CommanderError } from 'commander';
import { PointsmanError } from 'pointsman';
import type { CommandIo } from './command-io.ts';
import { ExitCode } from './exit-code.ts';

/**
 * Runs a command, and all below it, on an io of its own: nothing exits and nothing escapes.
 * @param argv what the user typed after the command's name.
 * @returns the exit code: 0 when all went well, 1 for an error, 2 for wrong usage, or what an `ExitCode` says. An error is one sentence on
 * stderr; its stack is shown too with `--debug`, or when POINTSMAN_DEBUG is set.
 */
export async function runCommand(command: Command, argv: readonly string[], io: CommandIo): Promise<number> {
  prepare(command, io);
  try {
    await command.parseAsync([...argv], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof ExitCode) return error.exitCode;
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const debug = Boolean(io.env.POINTSMAN_DEBUG) || command.opts().debug === true;
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof PointsmanError) io.stderr(`${message}\n`);
    else
      io.stderr(`Unexpected error: ${message}\n${debug ? '' : 'Run it again with --debug to see where.\n'}`);
    if (debug && error instanceof Error) io.stderr(`${error.stack}\n`);
    return 1;
  }
}

function prepare(command: Command, io: CommandIo): void {
  command
    .exitOverride()
    .showHelpAfterError(`(How it is used: ${pathOf(command)} --help)`)
    .configureOutput({
      writeOut: io.stdout,
      writeErr: io.stderr,
      getOutHelpWidth: () => io.columns,
      getErrHelpWidth: () => io.columns,
    });
  for (const child of command.commands) prepare(child, io);
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}
