import { type Command, CommanderError } from 'commander';
import { PointsmanError } from 'pointsman';
import type { CommandIo } from './command-io.ts';

/**
 * Runs a command, and all below it, on an io of its own: nothing exits and nothing escapes.
 * @param argv what the user typed after the command's name.
 * @returns the exit code: 0 when all went well, 1 for an error, 2 for wrong usage. An error is one sentence on
 * stderr; its stack is shown too when POINTSMAN_DEBUG is set.
 */
export async function runCommand(command: Command, argv: readonly string[], io: CommandIo): Promise<number> {
  prepare(command, io);
  try {
    await command.parseAsync([...argv], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const message = error instanceof Error ? error.message : String(error);
    io.stderr(error instanceof PointsmanError ? `${message}\n` : `Unexpected error: ${message}\n`);
    if (io.env.POINTSMAN_DEBUG && error instanceof Error) io.stderr(`${error.stack}\n`);
    return 1;
  }
}

function prepare(command: Command, io: CommandIo): void {
  command.exitOverride().configureOutput({ writeOut: io.stdout, writeErr: io.stderr });
  for (const child of command.commands) prepare(child, io);
}
