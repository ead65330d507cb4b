import { readArtifactFolder } from 'pointsman/node';
import { onboardedOf } from '../candidates/onboarded-candidate.ts';
import type { CommandIo } from './command-io.ts';
import type { RouterFlags } from './commands/candidates.ts';
import { formatAmountMs, formatAmountUsd } from './format-amount.ts';
import { textTable } from './terminal/text.ts';

export async function runListCandidates({ router, json }: RouterFlags, io: CommandIo): Promise<void> {
  const { manifest } = await readArtifactFolder(router);
  const onboarded = new Map(onboardedOf(manifest).map((one) => [one.name, one]));
  const listed = manifest.candidates.map(({ retired = false, ...candidate }) => {
    const added = onboarded.get(candidate.name);
    return { ...candidate, retired, ...(added === undefined ? {} : { onboarded: added }) };
  });
  if (json) return io.stdout(`${JSON.stringify(listed, null, 2)}\n`);
  io.stdout(
    textTable(
      [
        { title: 'candidate', shrinks: 'names' },
        { title: 'state' },
        { title: 'mean quality', align: 'right' },
        { title: 'cost of 1,000', align: 'right' },
        { title: 'mean latency', align: 'right' },
        { title: 'known from', shrinks: 'text' },
      ],
      listed.map(({ name, retired, meanQuality, meanCostUsd, meanLatencyMs, onboarded: added }) => [
        name,
        retired ? 'retired' : 'in use',
        meanQuality.toFixed(3),
        formatAmountUsd(meanCostUsd && 1000 * meanCostUsd),
        formatAmountMs(meanLatencyMs),
        added === undefined
          ? 'training'
          : `${added.probes} probes (95 %: ${added.quality.low.toFixed(2)} to ${added.quality.high.toFixed(2)})`,
      ]),
      io.columns,
    ),
  );
}
