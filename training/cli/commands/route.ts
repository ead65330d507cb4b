import { Command } from 'commander';
import type { CommandIo } from '../command-io.ts';
import { addDecisionFlags, checkDecisionFlags, type DecisionFlags } from '../decision-flags.ts';

const EXAMPLES = `
Examples:
  $ npx pointsman route models/support "Translate this to French: good morning"
  $ npx pointsman route models/support --messages request.json --weights balanced
  $ npx pointsman route models/support "What is 17 * 23?" --max-cost 0.001 --max-latency 800
  $ npx pointsman route models/support "What is 17 * 23?" --max-cost 0.001 --strict-limits
  $ npx pointsman route models/support "What is 17 * 23?" --policy policy.yaml
  $ cat prompt.txt | npx pointsman route models/support - --json
  $ npx pointsman route models/support --batch requests.jsonl --out decisions.jsonl

request.json is a list of messages, or the body of a chat request:
  {"messages": [{"role": "user", "content": "What is 17 * 23?"}], "tools": []}

requests.jsonl has such a body a line, or {"text": "What is 17 * 23?"}. The line of decisions.jsonl with the same number
holds its decision, or { "error" } where a request could not be read; then the exit code is 1.`;

export interface RouteFlags extends DecisionFlags {
  readonly messages?: string;
  readonly batch?: string;
  readonly out?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `pointsman route`: which candidate should take a request, or each of a file of them, and why. */
export function routeCommand(io: CommandIo): Command {
  const route = new Command('route')
    .description('Decide which candidate should take a request.')
    .argument('<folder>', 'folder of a router, or of one of its versions')
    .argument('[prompt]', 'the prompt; - reads it from standard input')
    .option('-m, --messages <file>', 'JSON with messages instead of a prompt; - reads it from standard input')
    .option('-b, --batch <file>', 'JSONL with a request a line; - reads it from standard input')
    .option('-o, --out <file>', 'with --batch: where the decisions go, as JSONL (default: standard output)');
  return addDecisionFlags(route)
    .option('--json', 'print the decision as JSON')
    .option('-q, --quiet', 'show no progress')
    .addHelpText('after', EXAMPLES)
    .action(async (folder: string, prompt: string | undefined, flags: RouteFlags, command: Command) => {
      const given = [prompt, flags.messages, flags.batch].filter((one) => one !== undefined);
      if (given.length === 0)
        command.error('error: give a prompt (- reads it from standard input), or --messages, or --batch');
      if (given.length > 1) command.error('error: give a prompt or --messages or --batch, not both');
      if (flags.out !== undefined && flags.batch === undefined)
        command.error('error: --out goes with --batch');
      checkDecisionFlags(flags, command);
      const { runRoute } = await import('../run-route.ts');
      await runRoute(folder, prompt, flags, io);
    });
}
