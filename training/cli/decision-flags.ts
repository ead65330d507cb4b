import { type Command, Option } from 'commander';
import type { RouteOptions } from 'pointsman';
import { positiveNumber, probability } from './number-option.ts';

/** What a request may ask of its decision, in `route` and in `explain`. */
export interface DecisionFlags {
  readonly policy?: string;
  readonly weights?: 'best' | 'balanced' | 'cheapest';
  readonly maxCost?: number;
  readonly maxLatency?: number;
  readonly minSuccess?: number;
  readonly strictLimits?: boolean;
}

export function addDecisionFlags(command: Command): Command {
  return command
    .option('--policy <file>', "YAML or JSON (default: the router's own policy)")
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
    );
}

/** Ends the command where two of them cannot go together. */
export function checkDecisionFlags(flags: DecisionFlags, command: Command): void {
  if (flags.policy !== undefined && flags.weights !== undefined)
    command.error('error: give --policy or --weights, not both: a policy has weights of its own');
}

export function decisionOptions(flags: DecisionFlags): RouteOptions {
  return {
    limits: {
      ...(flags.maxCost === undefined ? {} : { maxCostUsd: flags.maxCost }),
      ...(flags.maxLatency === undefined ? {} : { maxLatencyMs: flags.maxLatency }),
      ...(flags.minSuccess === undefined ? {} : { minSuccessProbability: flags.minSuccess }),
    },
    ...(flags.strictLimits === true ? { strict: true } : {}),
    ...(flags.weights === undefined ? {} : { weights: flags.weights }),
  };
}
