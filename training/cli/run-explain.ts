import type { RouterOptions, Signals } from 'pointsman';
import type { CommandIo } from './command-io.ts';
import type { ExplainFlags } from './commands/explain.ts';
import { decisionOptions } from './decision-flags.ts';
import { describeDecision } from './describe-decision.ts';
import { describeWhy } from './describe-why.ts';
import { nearestExamples } from './nearest-examples.ts';
import { openRouter } from './open-router.ts';
import { parseRequest } from './parse-request.ts';
import { readPolicy } from './read-settings.ts';
import { readText } from './read-text.ts';

export async function runExplain(
  folder: string,
  prompt: string | undefined,
  flags: ExplainFlags,
  io: CommandIo,
): Promise<void> {
  const request =
    flags.messages === undefined
      ? { text: prompt === '-' ? await io.stdin() : (prompt ?? '') }
      : parseRequest(
          await readText(flags.messages, io),
          flags.messages === '-' ? 'standard input' : flags.messages,
        );
  const options: RouterOptions = flags.policy === undefined ? {} : { policy: await readPolicy(flags.policy) };
  const router = await openRouter(folder, options);
  const decision = await router.route(request, {
    signals: flags.signal as Partial<Signals>,
    ...decisionOptions(flags),
  });
  const examples = await nearestExamples(folder, request);
  if (flags.json) io.stdout(`${JSON.stringify({ ...decision, nearest: examples }, null, 2)}\n`);
  else
    io.stdout(
      // What would change it is said in full below.
      describeDecision({ ...decision, whatWouldChangeIt: [] }, io.columns) +
        describeWhy(decision, examples, io.columns),
    );
}
