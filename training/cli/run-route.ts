import type { Limits } from 'pointsman';
import type { CommandIo } from './command-io.ts';
import { describeDecision } from './describe-decision.ts';
import { openRouter } from './open-router.ts';
import { parseRequest } from './parse-request.ts';
import { readText } from './read-text.ts';
import type { RouteFlags } from './route-command.ts';

export async function runRoute(
  folder: string,
  prompt: string | undefined,
  flags: RouteFlags,
  io: CommandIo,
): Promise<void> {
  const request =
    flags.messages === undefined
      ? { text: prompt === '-' ? await io.stdin() : (prompt ?? '') }
      : parseRequest(
          await readText(flags.messages, io),
          flags.messages === '-' ? 'standard input' : flags.messages,
        );
  const router = await openRouter(folder);
  const limits: Limits = {
    ...(flags.maxCost === undefined ? {} : { maxCostUsd: flags.maxCost }),
    ...(flags.maxLatency === undefined ? {} : { maxLatencyMs: flags.maxLatency }),
    ...(flags.minSuccess === undefined ? {} : { minSuccessProbability: flags.minSuccess }),
  };
  const decision = await router.route(request, {
    limits,
    ...(flags.weights === undefined ? {} : { weights: flags.weights }),
  });
  io.stdout(flags.json ? `${JSON.stringify(decision, null, 2)}\n` : describeDecision(decision, io.columns));
}
