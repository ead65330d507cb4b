import { Command } from 'commander';
import { TOOL_VERSION } from '../version.ts';
import type { CommandIo } from './command-io.ts';
import { candidatesCommand } from './commands/candidates.ts';
import { doctorCommand } from './commands/doctor.ts';
import { evaluateCommand } from './commands/evaluate.ts';
import { explainCommand } from './commands/explain.ts';
import { ingestCommand } from './commands/ingest.ts';
import { initCommand } from './commands/init.ts';
import { inspectCommand } from './commands/inspect.ts';
import { logCommand } from './commands/log.ts';
import { retrainCommand } from './commands/retrain.ts';
import { routeCommand } from './commands/route.ts';
import { trainCommand } from './commands/train.ts';
import { tuneCommand } from './commands/tune.ts';
import { versionsCommand } from './commands/versions.ts';
import { rollbackCommand } from './rollback-command.ts';
import { runCommand } from './run-command.ts';

const EXAMPLES = `
Examples:
  $ npx pointsman init traffic.jsonl
  $ npx pointsman train traffic.jsonl --out models/support
  $ npx pointsman route models/support "Translate this to French: good morning"
  $ npx pointsman inspect models/support

Each command has examples of its own: npx pointsman train --help`;

const COMMANDS = [
  initCommand,
  trainCommand,
  routeCommand,
  explainCommand,
  inspectCommand,
  evaluateCommand,
  tuneCommand,
  retrainCommand,
  rollbackCommand,
  versionsCommand,
  candidatesCommand,
  ingestCommand,
  logCommand,
  doctorCommand,
];

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
    .addHelpText('after', EXAMPLES);
  for (const create of COMMANDS) program.addCommand(create(io));
  return runCommand(program, argv, io);
}
