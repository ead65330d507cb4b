import type { AmountPart, Manifest, ManifestHeads } from 'pointsman/artifact';
import type { HeadSpec } from 'pointsman/head';
import { foldHeads, type ModelOutputs } from '../fit/fold-head.ts';
import { encodeKnn } from '../head/encode-knn.ts';
import type { JoinedLayer } from '../head/joined-layer.ts';
import { addOutput } from './add-output.ts';
import { choiceWeight } from './choice-weight.ts';
import type { HeadParts } from './head-parts.ts';
import { levelFor } from './level-for.ts';
import type { AmountOutput, Probes } from './read-probes.ts';
import { widenOutput, widenTable } from './widen-head.ts';

/** Heads with one candidate more, the last, and what they are made of. */
interface WidenedHeads {
  readonly heads: ManifestHeads;
  readonly outputs: ModelOutputs;
  /** Files of neighbour tables. */
  readonly tables: ReadonlyMap<string, Uint8Array>;
}

/**
 * @param weights of the known candidates in the new one, which sum to 1
 * @param routedBy mean success that the new one is to have over the traffic
 * @param inputRate US dollars that an input token of the new one costs, where cost heads leave that out
 */
export function addToHeads(
  manifest: Manifest,
  parts: HeadParts,
  probes: Probes,
  weights: Float64Array,
  routedBy: number,
  inputRate: number,
): WidenedHeads {
  const { heads, candidates, task } = manifest;
  const outputs = new Map<string, JoinedLayer>();
  const tables = new Map<string, Uint8Array>();
  // Tasks are no candidates.
  for (const [name, output] of parts.outputs)
    outputs.set(name, name === task?.output ? output : widenOutput(output));
  for (const [file, table] of parts.tables) tables.set(file, encodeKnn(widenTable(table)));
  const add = (name: string, spec: HeadSpec, outputWeights: Float64Array, constant: number): HeadSpec => {
    const added = addOutput(spec, parts, outputWeights, constant, `added${candidates.length}_${name}`);
    for (const [output, layer] of added.outputs) outputs.set(output, layer);
    for (const [file, table] of added.tables) tables.set(file, encodeKnn(table));
    return added.spec;
  };
  const level = levelFor(manifest, probes, weights, routedBy);
  const like = weights.reduce((sum, weight, c) => sum + weight * candidates[c].meanQuality, 0);
  const success = heads.success.head;
  const amount = (name: string, part: AmountPart, { weights: own, scale }: AmountOutput): AmountPart => ({
    head: add(name, part.head, own, 0),
    scales: [...part.scales, scale],
    ...(part.bounds === undefined ? {} : { bounds: [...part.bounds, around(part.bounds)] }),
  });
  const { cost, costBesideInput, latency, outputTokens } = heads;
  const { costRaw, latencyRaw, outputRaw } = probes.own;
  const widened: ManifestHeads = {
    choice: {
      ...heads.choice,
      head: add('choice', heads.choice.head, weights, choiceWeight(manifest, probes) * (routedBy - like)),
    },
    success: {
      head:
        success.kind === 'logit'
          ? {
              kind: 'logit',
              prior: [...success.prior, level.value],
              head: add('success', success.head, weights, 0),
            }
          : add('success', success, weights, level.value),
      calibrators: [...heads.success.calibrators, level.calibrator],
    },
    cost: cost && amount('cost', cost, costRaw),
    latency: latency && amount('latency', latency, latencyRaw),
    ...(outputTokens === undefined ? {} : { outputTokens: amount('outputTokens', outputTokens, outputRaw) }),
    ...(costBesideInput === undefined
      ? {}
      : {
          costBesideInput: {
            ...amount('costBesideInput', costBesideInput, costRaw),
            perInputToken: [...costBesideInput.perInputToken, inputRate],
          },
        }),
  };
  return { ...foldHeads({ heads: widened, outputs }, task?.output), tables };
}

/** What holds the others holds the new one, whoever it is most like. */
function around(bounds: NonNullable<AmountPart['bounds']>): readonly [number, number] {
  return bounds.reduce(([least, most], [from, to]) => [Math.min(least, from), Math.max(most, to)]);
}
