import { writeFile } from 'node:fs/promises';
import { type PlantedOptions, plantedTraffic } from '../../fixtures/planted-traffic.ts';

/** One row of a traffic file. */
export type PlantedRow = Record<string, unknown>;

/** The rows of planted traffic, as a log would have them. */
export function plantedRows(options: PlantedOptions): PlantedRow[] {
  const { candidates, costUsd, latencyMs, prompts, quality } = plantedTraffic(options);
  return prompts.flatMap(({ request, requestId, task, timestampMs }, p) =>
    candidates.map((candidate, c) => {
      const at = p * candidates.length + c;
      return {
        requestId,
        text: request.text,
        task,
        timestamp: new Date(timestampMs ?? 0).toISOString(),
        candidate,
        quality: quality[at],
        costUsd: Number(costUsd[at].toFixed(6)),
        latencyMs: Number(latencyMs[at].toFixed(1)),
      };
    }),
  );
}

/** Writes rows as JSONL. @returns the path */
export async function writeRows(file: string, rows: readonly PlantedRow[]): Promise<string> {
  await writeFile(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return file;
}
