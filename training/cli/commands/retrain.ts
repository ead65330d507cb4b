import { Command } from 'commander';
import { docPath } from '../../doc-path.ts';
import type { CommandIo } from '../command-io.ts';
import { addScratchOptions, type ScratchFlags } from '../terminal/options.ts';

const EXAMPLES = `
Examples:
  $ npx pointsman retrain --config retrain.yaml
  $ npx pointsman retrain --config retrain.yaml --dry-run --json
  $ npx pointsman retrain --config retrain.yaml --schedule "0 3 * * *"
  $ npx pointsman retrain --config retrain.yaml --release "2026-11-25 pointsman"
  $ npx pointsman retrain --config retrain.yaml --import outcomes.parquet

retrain.yaml, of which router and logs must be there:
  router: models/support
  logs: { files: ['logs/*.jsonl'], format: pointsman }
  traffic: { learnDays: 60, judgeDays: 3 }
  alert: { url: https://hooks.example.com/pointsman }

Ends with 0 when the challenger was promoted, 3 when the champion was kept, 4 when another retraining is at it,
1 when it failed. With --schedule it goes on until it is told to end, and then ends with 0.`;

export interface RetrainFlags extends ScratchFlags {
  readonly config: string;
  readonly schedule?: string;
  readonly timezone?: string;
  readonly release?: string;
  readonly import?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `pointsman retrain`: new logs in, a better router out, or the old one kept. */
export function retrainCommand(io: CommandIo): Command {
  const command = new Command('retrain')
    .description('Learn from new logs, and promote the new router if it passes the gate.')
    .requiredOption('-c, --config <file>', `YAML or JSON: ${docPath('retraining.md')}`);
  return addScratchOptions(command)
    .option('--schedule <cron>', 'run again and again, at these times (default: run once)')
    .option('--timezone <name>', 'of the schedule, as Europe/Berlin (default: that of the machine)')
    .option('--release <batch>', 'trust a batch that is in quarantine after all, and stop')
    .option('--import <table>', "take an outcomes table into the router's store, and stop")
    .option('--dry-run', 'train and judge, but change nothing that routes')
    .option('--json', 'print the record of the run as JSON')
    .option('-q, --quiet', 'show no progress')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: RetrainFlags) => {
      const { runRetrain } = await import('../run-retrain.ts');
      await runRetrain(flags, io);
    });
}
