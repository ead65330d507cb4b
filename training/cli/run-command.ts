import { type Command, CommanderError } from 'commander';
import { PointsmanError } from 'pointsman';
import type { CommandIo } from './command-io.ts';
import { ExitCode } from './exit-code.ts';

/**
 * Runs a command, and all below it, on an io of its own: nothing exits and nothing escapes.
 * @param argv what the user typed after the command's name.
 * @returns the exit code: 0 when all went well, 1 for an error, 2 for wrong usage, or what an `ExitCode` says. An error is one sentence on
 * stderr; its stack is shown too with `--debug`, or when POINTSMAN_DEBUG is set. With `--json` it is one object on stdout instead:
 * `{ "error": { "code", "message" } }`, so that what a program reads is JSON whatever happens.
 */
export async function runCommand(command: Command, argv: readonly string[], io: CommandIo): Promise<number> {
  const json = (argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv).includes('--json');
  let usage = '';
  prepare(command, json ? { ...io, stderr: (text) => (usage += text) } : io);
  const tell = (code: string, message: string, advice = '') =>
    json
      ? io.stdout(`${JSON.stringify({ error: { code, message } }, null, 2)}\n`)
      : io.stderr(`${message}\n${advice}`);
  try {
    await command.parseAsync([...argv], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof ExitCode) return error.exitCode;
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0;
      if (json)
        tell(
          'USAGE',
          usage
            .replace(HELP, '')
            .trim()
            .replace(/^error: /, ''),
        );
      return 2;
    }
    const debug = Boolean(io.env.POINTSMAN_DEBUG) || command.opts().debug === true;
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof PointsmanError) tell(error.code, message);
    else
      tell(
        'UNEXPECTED',
        `Unexpected error: ${message}`,
        debug ? '' : 'Run it again with --debug to see where.\n',
      );
    if (debug && error instanceof Error) io.stderr(`${error.stack}\n`);
    return 1;
  }
}

/** The line on help, which is for people. */
const HELP = /\(How it is used: [^\n]* --help\)/;

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
