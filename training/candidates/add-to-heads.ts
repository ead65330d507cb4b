import type { Manifest, ManifestHeads } from 'pointsman/artifact';
import type { HeadSpec } from 'pointsman/head';
import { type DenseChain, encodeKnn } from '../head/index.ts';
import { addOutput } from './add-output.ts';
import { choiceWeight } from './choice-weight.ts';
import type { HeadParts } from './head-parts.ts';
import { levelFor } from './level-for.ts';
import type { AmountOutput, Probes } from './read-probes.ts';
import { widenChain, widenTable } from './widen-head.ts';

/** Heads with one candidate more, the last, and what they are made of. */
export interface WidenedHeads {
  readonly heads: ManifestHeads;
  readonly chains: ReadonlyMap<string, DenseChain>;
  /** Files of neighbour tables. */
  readonly tables: ReadonlyMap<string, Uint8Array>;
}

/**
 * @param weights of the known candidates in the new one, which sum to 1
 * @param routedBy mean success that the new one is to have over the traffic
 */
export function addToHeads(
  manifest: Manifest,
  parts: HeadParts,
  probes: Probes,
  weights: Float64Array,
  routedBy: number,
): WidenedHeads {
  const { heads, candidates, task } = manifest;
  const chains = new Map<string, DenseChain>();
  const tables = new Map<string, Uint8Array>();
  // Tasks are no candidates.
  for (const [name, chain] of parts.chains)
    chains.set(name, name === task?.output ? chain : widenChain(chain));
  for (const [file, table] of parts.tables) tables.set(file, encodeKnn(widenTable(table)));
  const add = (name: string, spec: HeadSpec, outputWeights: Float64Array, constant: number): HeadSpec => {
    const added = addOutput(spec, parts, outputWeights, constant, `added${candidates.length}_${name}`);
    for (const [output, chain] of added.chains) chains.set(output, chain);
    for (const [file, table] of added.tables) tables.set(file, encodeKnn(table));
    return added.spec;
  };
  const level = levelFor(manifest, probes, weights, routedBy);
  const like = weights.reduce((sum, weight, c) => sum + weight * candidates[c].meanQuality, 0);
  const success = heads.success.head;
  const amount = (name: 'cost' | 'latency', { weights: own, scale }: AmountOutput): ManifestHeads['cost'] => {
    const part = heads[name];
    return part === null ? null : { head: add(name, part.head, own, 0), scales: [...part.scales, scale] };
  };
  return {
    heads: {
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
      cost: amount('cost', probes.own.costRaw),
      latency: amount('latency', probes.own.latencyRaw),
    },
    chains,
    tables,
  };
}
