import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { RetrainRun } from './retrain-run.ts';

/** Whom to tell of alarms: a program, an address, a function. */
interface AlertHook {
  readonly command?: readonly string[] | undefined;
  readonly url?: string | undefined;
  readonly call?: ((run: RetrainRun) => void | Promise<void>) | undefined;
}

const PATIENCE_MS = 15_000;

/**
 * Tells of a run with alarms. Whoever is told, the run goes on: what could not be told is given back.
 * @returns what went wrong, null when nothing did
 */
export async function sendAlert(
  { call, command, url }: AlertHook,
  run: RetrainRun,
  fetcher: typeof fetch = fetch,
): Promise<string | null> {
  const text = JSON.stringify({
    router: run.router,
    run: run.id,
    outcome: run.outcome,
    sentence: run.sentence,
    alarms: run.alarms,
  });
  const problems: string[] = [];
  const attempt = async (who: string, tell: () => Promise<void>) => {
    await tell().catch((error: Error) => problems.push(`${who}: ${error.message}`));
  };
  if (call !== undefined) await attempt('function', async () => call(run));
  if (command !== undefined) await attempt(command[0], () => tellCommand(command, text));
  if (url !== undefined) {
    await attempt(new URL(url).host, async () => {
      const response = await fetcher(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: text,
        // What it tells is for this address alone.
        redirect: 'manual',
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      await response.body?.cancel();
      if (!response.ok) throw new Error(`it answered ${response.status}`);
    });
  }
  return problems.length === 0 ? null : problems.join('; ');
}

/** No shell: what the alarms say comes from traffic, and must not be run. */
async function tellCommand([program, ...args]: readonly string[], text: string): Promise<void> {
  const child = spawn(program, args, { stdio: ['pipe', 'ignore', 'ignore'], timeout: PATIENCE_MS });
  // A program that does not read breaks the pipe; its exit code is what counts.
  child.stdin.on('error', () => {});
  child.stdin.end(text);
  const [code, signal] = await once(child, 'exit');
  if (code !== 0) throw new Error(`it ended with ${code === null ? `signal ${signal}` : `code ${code}`}`);
}
