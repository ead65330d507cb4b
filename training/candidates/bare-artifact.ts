import type { AmountPart, Artifact, ManifestCandidate } from 'pointsman/artifact';
import { amendArtifact } from '../artifact/amend-artifact.ts';
import type { SealedArtifact } from '../artifact/seal-artifact.ts';

/**
 * An artifact whose predictions are what its heads say: success is the sigmoid of the head's output, the logarithm of
 * choice its output but for a constant, cost, latency and length of the answer its exponential, whatever is asked.
 */
export function bareArtifact(artifact: Artifact): Promise<SealedArtifact> {
  const { candidates, heads } = artifact.manifest;
  const { costBesideInput, outputTokens } = heads;
  const bare = ({ head, scales }: AmountPart): AmountPart => ({ head, scales: scales.map(() => 1) });
  return amendArtifact(artifact, {
    what: 'Its heads were laid bare.',
    contents: {
      candidates: candidates.map(withoutRates),
      policy: { kind: 'utility' },
      heads: {
        choice: { ...heads.choice, temperature: 1 },
        success: {
          ...heads.success,
          calibrators: heads.success.calibrators.map(() => ({ kind: 'identity' })),
        },
        cost: heads.cost && bare(heads.cost),
        latency: heads.latency && bare(heads.latency),
        ...(outputTokens === undefined ? {} : { outputTokens: bare(outputTokens) }),
        ...(costBesideInput === undefined
          ? {}
          : {
              costBesideInput: {
                ...bare(costBesideInput),
                perInputToken: costBesideInput.scales.map(() => 0),
              },
            }),
      },
    },
  });
}

/** Without what makes costs and latencies of tokens. */
function withoutRates({
  inputPricePerMillionTokens: _i,
  outputPricePerMillionTokens: _o,
  paidPrices: _p,
  latencyByTokens: _l,
  ...candidate
}: ManifestCandidate): ManifestCandidate {
  return candidate;
}
