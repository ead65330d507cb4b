import type { HeadSpec, KnnTable } from 'pointsman/head';
import type { DenseLayer } from '../head/dense-chain.ts';
import type { JoinedLayer } from '../head/joined-layer.ts';
import { weightedOutput, weightedTable } from './weighted-output.ts';

/**
 * The head with one more output, the last: the mean of the others'. Nothing changes for those, also where the head
 * weighs the mean over outputs apart, since that mean stays what it was. Holds for every kind that is linear in what it
 * is made of; of a `logit` head the last output is what its own prior and the mean inside make.
 *
 * @param prior of a `logit` head: the new candidate's
 */
export function widenHead(spec: HeadSpec, prior = 0): HeadSpec {
  switch (spec.kind) {
    case 'layers':
    case 'knn':
      return spec;
    case 'stack':
      return {
        ...spec,
        members: spec.members.map(({ weight, head }) => ({ weight, head: widenHead(head, prior) })),
      };
    case 'spread':
      return { ...spec, head: widenHead(spec.head, prior) };
    case 'shrunk': {
      const mean = spec.prior.reduce((sum, x) => sum + x, 0) / spec.prior.length;
      return { ...spec, head: widenHead(spec.head, prior), prior: [...spec.prior, mean] };
    }
    case 'logit':
      return { ...spec, head: widenHead(spec.head, prior), prior: [...spec.prior, prior] };
  }
}

/** A layer with one more output, the mean of the others. */
export function widenOutput({ sources, layer }: JoinedLayer): JoinedLayer {
  const { inputs, outputs } = layer;
  const mean = weightedOutput(layer, new Float64Array(outputs).fill(1 / outputs));
  const kernel = new Float32Array(inputs * (outputs + 1));
  for (let i = 0; i < inputs; i++) {
    kernel.set(layer.kernel.subarray(i * outputs, (i + 1) * outputs), i * (outputs + 1));
    kernel[i * (outputs + 1) + outputs] = mean.kernel[i * (outputs + 1) + outputs];
  }
  const bias = Float32Array.from([...layer.bias, mean.bias[outputs]]);
  const wide: DenseLayer = { ...layer, outputs: outputs + 1, kernel, bias };
  return { sources, layer: wide };
}

/** A table of neighbours with one more column, the mean of the others. */
export function widenTable(table: KnnTable): KnnTable {
  const { rows, outputs } = table;
  const mean = weightedTable(table, new Float64Array(outputs).fill(1 / outputs));
  const outcomes = new Float32Array(rows * (outputs + 1));
  for (let row = 0; row < rows; row++) {
    outcomes.set(table.outcomes.subarray(row * outputs, (row + 1) * outputs), row * (outputs + 1));
    outcomes[row * (outputs + 1) + outputs] = mean.outcomes[row * (outputs + 1) + outputs];
  }
  return {
    ...table,
    outputs: outputs + 1,
    outcomes,
    prior: Float32Array.from([...table.prior, mean.prior[outputs]]),
  };
}
