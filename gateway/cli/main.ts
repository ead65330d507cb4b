import { Command, CommanderError } from 'commander';
import { PointsmanError } from 'pointsman';
import type { ServeIo } from './serve.ts';

/** What the command may touch of the process. */
export interface GatewayIo extends ServeIo {
  /** Width of a terminal's lines. */
  readonly columns: number;
}

interface CommandEntry {
  readonly usage: string;
  readonly description: string;
  /** Only the one that was asked for is loaded. */
  readonly load: () => Promise<(io: GatewayIo) => Command>;
}

const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  serve: {
    usage: '[options] [folder]',
    description: 'Serve a router over HTTP, in front of the upstreams of its candidates.',
    load: async () => (await import('./serve.ts')).serveCommand,
  },
  keys: {
    usage: '[options] [command]',
    description: 'Make, list and change the keys of a gateway, and see what they used.',
    load: async () => (await import('./keys.ts')).keysCommand,
  },
};

/**
 * The part of the `pointsman` command that is the gateway's.
 *
 * @param argv what the user typed after `pointsman`.
 * @returns the exit code: 0, 1 for an error, 2 for wrong usage.
 */
export async function main(argv: readonly string[], io: GatewayIo): Promise<number> {
  const program = new Command('pointsman')
    .description('Serve routers over HTTP.')
    .option('--debug', 'show where an error came from')
    .configureHelp({ subcommandTerm: (command) => `${command.name()} ${command.usage()}` })
    .addHelpText('after', '\nEach command has examples: npx pointsman serve --help');
  const [first, second] = argv.filter((word) => !word.startsWith('-'));
  const asked = first === 'help' ? second : first;
  for (const [name, { description, load, usage }] of Object.entries(COMMANDS)) {
    const command = name === asked ? (await load())(io) : new Command(name).usage(usage);
    program.addCommand(command.description(description));
  }
  prepare(program, io);
  const json = argv.includes('--json');
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const message = error instanceof Error ? error.message : String(error);
    if (json && error instanceof PointsmanError)
      io.stdout(`${JSON.stringify({ error: { code: error.code, message } }, null, 2)}\n`);
    else io.stderr(`${error instanceof PointsmanError ? '' : 'Unexpected error: '}${message}\n`);
    const debug = Boolean(io.env.POINTSMAN_DEBUG) || program.opts().debug === true;
    if (debug && error instanceof Error) io.stderr(`${error.stack}\n`);
    return 1;
  }
}

function prepare(command: Command, io: GatewayIo): void {
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

/** The process itself. A second Ctrl+C does not wait. */
export function processIo(): GatewayIo {
  return {
    stdout: (text) => process.stdout.write(text),
    stderr: (text) => process.stderr.write(text),
    env: process.env,
    columns: process.stdout.columns ?? 100,
    stopped: () =>
      new Promise((resolve) => {
        for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
      }),
  };
}
