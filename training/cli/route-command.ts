import { Command, Option } from 'commander';
import type { CommandIo } from './command-io.ts';
import { positiveNumber, probability } from './number-option.ts';

const EXAMPLES = `
Examples:
  $ pointsman route models/support "Translate this to French: good morning"
  $ pointsman route models/support --messages request.json --weights balanced
  $ pointsman route models/support "What is 17 * 23?" --max-cost 0.001 --max-latency 800
  $ pointsman route models/support "What is 17 * 23?" --max-cost 0.001 --strict-limits
  $ cat prompt.txt | pointsman route models/support - --json

request.json is a list of messages, or the body of a chat request:
  {"messages": [{"role": "user", "content": "What is 17 * 23?"}], "tools": []}`;

export interface RouteFlags {
  readonly messages?: string;
  readonly weights?: 'best' | 'balanced' | 'cheapest';
  readonly maxCost?: number;
  readonly maxLatency?: number;
  readonly minSuccess?: number;
  readonly strictLimits?: boolean;
  readonly json?: boolean;
}

/** `pointsman route`: which candidate should take one request, and why. */
export function routeCommand(io: CommandIo): Command {
  return new Command('route')
    .description('Decide which candidate should take a request.')
    .argument('<folder>', 'folder of a router, or of one of its versions')
    .argument('[prompt]', 'the prompt; - reads it from standard input')
    .option('-m, --messages <file>', 'JSON with messages instead of a prompt; - reads it from standard input')
    .addOption(
      new Option('-w, --weights <name>', "what to weigh (default: the router's own policy)").choices([
        'best',
        'balanced',
        'cheapest',
      ]),
    )
    .addOption(
      new Option('--max-cost <usd>', 'highest expected cost of the request').argParser(positiveNumber),
    )
    .addOption(
      new Option('--max-latency <ms>', 'highest expected latency of the request').argParser(positiveNumber),
    )
    .addOption(
      new Option('--min-success <probability>', 'lowest probability of a good answer').argParser(probability),
    )
    .option(
      '--strict-limits',
      'fail when no candidate meets every limit; without it limits give way, and it says which',
    )
    .option('--json', 'print the decision as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (folder: string, prompt: string | undefined, flags: RouteFlags, command: Command) => {
      if ((prompt === undefined) === (flags.messages === undefined)) {
        command.error(
          prompt === undefined
            ? 'error: give a prompt, or --messages'
            : 'error: give a prompt or --messages, not both',
        );
      }
      const { runRoute } = await import('./run-route.ts');
      await runRoute(folder, prompt, flags, io);
    });
}
