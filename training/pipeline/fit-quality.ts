import type { HeadSpec } from 'pointsman/head';
import type { MemberName } from '../config.ts';
import type { DenseChain } from '../head/dense-chain.ts';
import { encodeKnn } from '../head/encode-knn.ts';
import type { Matrix } from '../head/matrix.ts';
import type { FittedMember, MemberData, TunedMember } from '../learners/learner.ts';
import { type Stack, stackMembers } from '../learners/stack.ts';
import { tuneMembers } from '../learners/tune-learners.ts';
import type { OnStep } from './train-progress.ts';

/** The fitted quality of every candidate: how it is described, and the parts it is made of. */
export interface FittedQuality {
  /** Gives each candidate's expected quality as a difference to its mean. */
  readonly spec: HeadSpec;
  /** Chains of the LayersModel, by output name. */
  readonly chains: Readonly<Record<string, DenseChain>>;
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Out-of-fold, `[fit rows, candidates]`. */
  readonly outOfFold: Matrix;
  readonly report: QualityReport;
}

/** What cross-validation chose. */
export interface QualityReport {
  readonly members: readonly {
    readonly name: string;
    readonly levelWeight: number;
    readonly deviationWeight: number;
    readonly settings: Readonly<Record<string, number>>;
  }[];
  readonly signal: number;
  readonly guard: number;
}

/** Members tuned by cross-validation, and how they add up. */
export interface TunedQuality {
  readonly members: readonly TunedMember[];
  readonly stack: Stack;
}

/** Tunes the named members and stacks them: all of the cross-validation, and no fit on all rows yet. */
export async function tuneQuality(
  data: MemberData,
  names: readonly MemberName[],
  onStep: OnStep,
): Promise<TunedQuality> {
  const members = await tuneMembers(data, names, (name, progress) =>
    onStep(`cross-validating the ${name} head`, progress),
  );
  return { members, stack: stackMembers(members, data) };
}

/** Fits the members that take part on all rows. */
export async function fitTuned(
  data: MemberData,
  { members, stack }: TunedQuality,
  onStep: OnStep,
): Promise<FittedQuality> {
  const chains: Record<string, DenseChain> = {};
  const files = new Map<string, Uint8Array>();
  const parts: HeadSpec[] = [];
  for (const [i, member] of members.entries()) {
    const [level, deviation] = [stack.level[i], stack.deviation[i]];
    if (level === 0 && deviation === 0) continue;
    onStep(`fitting the ${member.name} head`);
    const head = keep(`quality_${member.name}`, await member.fit(), chains, files);
    parts.push({ kind: 'spread', head, level, deviation });
  }
  return {
    spec: parts.length > 0 ? sumOf(parts) : constant(data, chains),
    chains,
    files,
    outOfFold: stack.outOfFold,
    report: {
      members: members.map(({ name, settings }, i) => ({
        name,
        levelWeight: stack.level[i],
        deviationWeight: stack.deviation[i],
        settings,
      })),
      signal: stack.signal,
      guard: stack.guard,
    },
  };
}

function keep(
  name: string,
  { form }: FittedMember,
  chains: Record<string, DenseChain>,
  files: Map<string, Uint8Array>,
): HeadSpec {
  if (form.kind === 'chain') {
    chains[name] = form.chain;
    return { kind: 'layers', output: name };
  }
  const file = `${name}.bin`;
  files.set(file, encodeKnn(form.fit.table));
  const { neighbours, from, to, table } = form.fit;
  return { kind: 'knn', file, rows: table.rows, neighbours, from, to };
}

function sumOf(parts: readonly HeadSpec[]): HeadSpec {
  return parts.length === 1
    ? parts[0]
    : { kind: 'stack', members: parts.map((head) => ({ weight: 1, head })) };
}

/** No signal at all: nothing to add to the candidates' means, whatever the prompt. */
function constant({ features, residuals }: MemberData, chains: Record<string, DenseChain>): HeadSpec {
  const [inputs, outputs] = [features.columns, residuals.columns];
  chains.quality_none = [
    {
      inputs,
      outputs,
      kernel: new Float32Array(inputs * outputs),
      bias: new Float32Array(outputs),
      activation: 'linear',
    },
  ];
  return { kind: 'layers', output: 'quality_none' };
}
