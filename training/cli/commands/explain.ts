import { Command, InvalidArgumentError, Option } from 'commander';
import { docPath } from '../../doc-path.ts';
import type { CommandIo } from '../command-io.ts';
import { addDecisionFlags, checkDecisionFlags, type DecisionFlags } from '../decision-flags.ts';

const EXAMPLES = `
Examples:
  $ npx pointsman explain models/support "What is 17 * 23?"
  $ npx pointsman explain models/support "What is 17 * 23?" --weights balanced --max-cost 0.01
  $ npx pointsman explain models/support "What is 17 * 23?" --policy policy.yaml --signal tier=gold
  $ npx pointsman explain models/support --messages request.json --json

Signals: task, tokens, language, tier, quality, latencyBudgetMs, costBudgetUsd and others; see ${docPath('signals.md')}.`;

export interface ExplainFlags extends DecisionFlags {
  readonly messages?: string;
  readonly signal: Readonly<Record<string, unknown>>;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `pointsman explain`: the decision for one request, and everything that led there and could have led elsewhere. */
export function explainCommand(io: CommandIo): Command {
  const explain = new Command('explain')
    .description('Explain the decision for a request: signals, path, plan, and what would change it.')
    .argument('<folder>', 'folder of a router, or of one of its versions')
    .argument('[prompt]', 'the prompt; - reads it from standard input')
    .option(
      '-m, --messages <file>',
      'JSON with messages instead of a prompt; - reads it from standard input',
    );
  return addDecisionFlags(explain)
    .addOption(
      new Option('--signal <name=value>', 'a signal that the caller sets (repeatable)')
        .argParser(addSignal)
        .default({}, 'none'),
    )
    .option('--json', 'print the decision as JSON')
    .option('-q, --quiet', 'show no progress (there is none)')
    .addHelpText('after', EXAMPLES)
    .action(async (folder: string, prompt: string | undefined, flags: ExplainFlags, command: Command) => {
      if ((prompt === undefined) === (flags.messages === undefined)) {
        command.error('error: give a prompt or --messages, one of the two');
      }
      checkDecisionFlags(flags, command);
      const { runExplain } = await import('../run-explain.ts');
      await runExplain(folder, prompt, flags, io);
    });
}

/** Values are JSON where they can be read so, else text. */
function addSignal(pair: string, signals: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const [name, ...rest] = pair.split('=');
  const text = rest.join('=');
  if (rest.length === 0 || name === '') throw new InvalidArgumentError('Give name=value, such as tier=gold.');
  try {
    return { ...signals, [name]: JSON.parse(text) };
  } catch {
    return { ...signals, [name]: text };
  }
}
