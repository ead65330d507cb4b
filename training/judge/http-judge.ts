import type { JudgeAnswer } from './judge.ts';

const TIMEOUT_MS = 60_000;

/** Asks an endpoint: POST of `{ prompt, messages?, answer, candidate }`, which answers `{ "quality": 0.5 }`. */
export function httpJudge(url: string): JudgeAnswer {
  return async (judged) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(judged),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (!response.ok) throw new Error(`it answered with status ${response.status}`);
    const { quality } = (await response.json()) as { quality?: unknown };
    if (typeof quality !== 'number') throw new Error('its answer has no number `quality`');
    return quality;
  };
}
