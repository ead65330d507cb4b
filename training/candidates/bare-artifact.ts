import type { Artifact } from 'pointsman/artifact';
import { amendArtifact, type SealedArtifact } from '../artifact/index.ts';

/**
 * An artifact whose predictions are what its heads say: success is the sigmoid of the head's output, the logarithm of
 * choice its output but for a constant, cost and latency its exponential.
 */
export function bareArtifact(artifact: Artifact): Promise<SealedArtifact> {
  const { heads } = artifact.manifest;
  const bare = (part: typeof heads.cost) =>
    part === null ? null : { ...part, scales: part.scales.map(() => 1) };
  return amendArtifact(artifact, {
    what: 'Its heads were laid bare.',
    contents: {
      policy: { kind: 'utility' },
      heads: {
        choice: { ...heads.choice, temperature: 1 },
        success: {
          ...heads.success,
          calibrators: heads.success.calibrators.map(() => ({ kind: 'identity' })),
        },
        cost: bare(heads.cost),
        latency: bare(heads.latency),
      },
    },
  });
}
