import { Command, CommanderError } from 'commander';
import { PointsmanError } from 'pointsman';
import { TOOL_VERSION } from '../work/run-folder.ts';
import { type CommandIo, ExitCode } from './terminal/io.ts';

interface CommandEntry {
  /** What stands behind the name in the list of commands. */
  readonly usage: string;
  readonly description: string;
  /** Loads the command with all it needs: only the one that was asked for is loaded. */
  readonly load: () => Promise<(io: CommandIo) => Command>;
}

const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  init: {
    usage: '[options] <files...>',
    description: 'Look at a log, and write the config that train takes, with a reason for each line.',
    load: async () => (await import('./commands/init.ts')).initCommand,
  },
  train: {
    usage: '[options] <files...>',
    description: 'Train, calibrate and measure a router, and write it to a folder.',
    load: async () => (await import('./commands/train.ts')).trainCommand,
  },
  route: {
    usage: '[options] <folder> [prompt]',
    description: 'Decide which candidate should take a request.',
    load: async () => (await import('./commands/route.ts')).routeCommand,
  },
  explain: {
    usage: '[options] <folder> [prompt]',
    description: 'Explain the decision for a request: signals, path, plan, and what would change it.',
    load: async () => (await import('./commands/explain.ts')).explainCommand,
  },
  inspect: {
    usage: '[options] <folder>',
    description:
      'Check the files of a router, and show what it is, what it was made of and what it is worth.',
    load: async () => (await import('./commands/inspect.ts')).inspectCommand,
  },
  evaluate: {
    usage: '[options] <folder> <files...>',
    description: 'Measure a router on traffic that it was not trained on.',
    load: async () => (await import('./commands/evaluate.ts')).evaluateCommand,
  },
  tune: {
    usage: '[options] <folder> [files...]',
    description:
      'Set how much quality may be given up for cost: weights, or the dial of a strong/weak policy or a cascade.',
    load: async () => (await import('./commands/tune.ts')).tuneCommand,
  },
  worker: {
    usage: '[options]',
    description: 'Work on shards of trainings that were started elsewhere with --engine.',
    load: async () => (await import('./commands/worker.ts')).workerCommand,
  },
  retrain: {
    usage: '[options]',
    description: 'Learn from new logs, and promote the new router if it passes the gate.',
    load: async () => (await import('./commands/retrain.ts')).retrainCommand,
  },
  rollback: {
    usage: '[options] <folder>',
    description: 'Put the version before into use again, or another one.',
    load: async () => (await import('./commands/inspect.ts')).rollbackCommand,
  },
  versions: {
    usage: '[options] <folder>',
    description: 'List the versions of a router, the latest first, after checking each.',
    load: async () => (await import('./commands/inspect.ts')).versionsCommand,
  },
  candidates: {
    usage: '[options] [command]',
    description:
      'List the candidates of a router; add one from some probes, set its prices, retire or restore it.',
    load: async () => (await import('./commands/candidates.ts')).candidatesCommand,
  },
  ingest: {
    usage: '[options] <files...>',
    description: 'Read logs (JSONL, CSV, Parquet, Arrow) into one outcomes table in Parquet.',
    load: async () => (await import('./commands/init.ts')).ingestCommand,
  },
  log: {
    usage: '[options] [command]',
    description: 'Look after the decision log that routers write (loadRouter with { log }).',
    load: async () => (await import('./commands/log.ts')).logCommand,
  },
  doctor: {
    usage: '[options] [folder]',
    description: 'Check that this installation works, and a router if one is given.',
    load: async () => (await import('./commands/doctor.ts')).doctorCommand,
  },
};

const EXAMPLES = `
Examples:
  $ npx pointsman init traffic.jsonl
  $ npx pointsman train traffic.jsonl --out models/support
  $ npx pointsman route models/support "Translate this to French: good morning"
  $ npx pointsman inspect models/support

Each command has examples of its own: npx pointsman train --help`;

/**
 * The `pointsman` command.
 * @param argv what the user typed after `pointsman`.
 * @returns the exit code: 0, 1 for an error, 2 for wrong usage; `retrain` has more.
 */
export async function main(argv: readonly string[], io: CommandIo): Promise<number> {
  const program = new Command('pointsman')
    .description(
      'Train a router that picks, per request, the model that should answer it; and route with it.',
    )
    .version(TOOL_VERSION, '-v, --version', 'print the version')
    .option('--debug', 'show where an error came from')
    .configureHelp({ subcommandTerm: (command) => `${command.name()} ${command.usage()}` })
    .addHelpText('after', EXAMPLES);
  const [first, second] = argv.filter((word) => !word.startsWith('-'));
  const asked = first === 'help' ? second : first;
  for (const [name, { description, load, usage }] of Object.entries(COMMANDS)) {
    const command = name === asked ? (await load())(io) : new Command(name).usage(usage);
    program.addCommand(command.description(description));
  }
  return runCommand(program, argv, io);
}

/**
 * Runs a command, and all below it, on an io of its own: nothing exits and nothing escapes.
 * @param argv what the user typed after the command's name.
 * @returns the exit code: 0 when all went well, 1 for an error, 2 for wrong usage, or what an `ExitCode` says. An error is one sentence on
 * stderr; its stack is shown too with `--debug`, or when POINTSMAN_DEBUG is set. With `--json` it is one object on stdout instead:
 * `{ "error": { "code", "message" } }`, so that what a program reads is JSON whatever happens.
 */
async function runCommand(command: Command, argv: readonly string[], io: CommandIo): Promise<number> {
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
