import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type SampleRow, sampleTraffic } from './solvers/sample-traffic.ts';

/** The log that ships with `@pointsman/training`: small enough to download, large enough to train on. */
const OUT = fileURLToPath(new URL('../training/samples/traffic.jsonl', import.meta.url));
const PROMPTS = 1000;
const CANDIDATES = ['language', 'js-sandbox', 'mathjs', 'generalist'];

interface SampleRequest {
  readonly requestId: string;
  readonly timestamp: string;
  readonly text?: string;
  readonly messages?: unknown;
  readonly task: string;
  readonly outcomes: Record<string, object>;
}

/** One request with what each candidate made of it: the wide form of a log. */
function wideRows(rows: readonly SampleRow[]): SampleRequest[] {
  const requests = new Map<string, SampleRequest>();
  for (const row of rows) {
    if (!CANDIDATES.includes(row.candidate)) continue;
    const { candidate, costUsd, inputTokens, latencyMs, messages, outputTokens, quality } = row;
    const request = requests.get(row.requestId) ?? {
      requestId: row.requestId,
      timestamp: row.timestamp,
      ...(messages === null ? { text: row.text ?? '' } : { messages }),
      task: row.task,
      outcomes: {},
    };
    request.outcomes[candidate] = { quality, costUsd, latencyMs, inputTokens, outputTokens };
    requests.set(row.requestId, request);
  }
  return [...requests.values()];
}

const rows: SampleRow[] = [];
for await (const row of sampleTraffic({ prompts: PROMPTS, seed: 0 })) rows.push(row);
await mkdir(dirname(OUT), { recursive: true });
await writeFile(
  `${OUT}.part`,
  `${wideRows(rows)
    .map((row) => JSON.stringify(row))
    .join('\n')}\n`,
);
await rename(`${OUT}.part`, OUT);
