import type { JudgeAnswer } from '../ingest/judge.ts';

const TIMEOUT_MS = 60_000;

/** Far more than a number takes. */
const MOST_BYTES = 2 ** 20;

/**
 * Asks an endpoint: POST of `{ prompt, messages?, answer, candidate }`, which answers `{ "quality": 0.5 }`. Redirects are not
 * followed, since prompts would go along.
 */
export function httpJudge(url: string): JudgeAnswer {
  return async (judged) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(judged),
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (!response.ok) {
      await response.body?.cancel();
      const isRedirect = response.status >= 300 && response.status < 400;
      throw new Error(
        `it answered with status ${response.status}${isRedirect ? ', a redirect, which is not followed' : ''}`,
      );
    }
    const { quality } = JSON.parse(await readText(response)) as { quality?: unknown };
    if (typeof quality !== 'number') throw new Error('its answer has no number `quality`');
    return quality;
  };
}

async function readText({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw new Error(`its answer has more than ${MOST_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
