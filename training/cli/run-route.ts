import type { Limits, Request } from 'pointsman';
import type { CommandIo } from './command-io.ts';
import { describeDecision } from './describe-decision.ts';
import { openRouter } from './open-router.ts';
import { readText } from './read-text.ts';
import type { RouteFlags } from './route-command.ts';

export async function runRoute(
  folder: string,
  prompt: string | undefined,
  flags: RouteFlags,
  io: CommandIo,
): Promise<void> {
  const request = await readRequest(prompt, flags.messages, io);
  const router = await openRouter(folder);
  const limits: Limits = {
    ...(flags.maxCost === undefined ? {} : { maxCostUsd: flags.maxCost }),
    ...(flags.maxLatency === undefined ? {} : { maxLatencyMs: flags.maxLatency }),
    ...(flags.minSuccess === undefined ? {} : { minSuccessProbability: flags.minSuccess }),
  };
  const decision = await router.route(request, {
    limits,
    ...(flags.strictLimits === true ? { strict: true } : {}),
    ...(flags.weights === undefined ? {} : { weights: flags.weights }),
  });
  io.stdout(flags.json ? `${JSON.stringify(decision, null, 2)}\n` : describeDecision(decision, io.columns));
}

async function readRequest(
  prompt: string | undefined,
  file: string | undefined,
  io: CommandIo,
): Promise<Request> {
  if (file === undefined) return { text: prompt === '-' ? await io.stdin() : (prompt ?? '') };
  // A prompt alone needs no schema, and zod takes a while to load.
  const { parseRequest } = await import('./parse-request.ts');
  return parseRequest(await readText(file, io), file === '-' ? 'standard input' : file);
}
