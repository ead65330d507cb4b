import { type Artifact, type Candidate, InvalidInputError, type Manifest, type Router } from 'pointsman';
import { argMax, type ManifestCandidate, mean, quantileSorted } from 'pointsman/internal';
import { type BuiltArtifact, editArtifact, editsOf, SEEN_FILE } from '../artifact/build-artifact.ts';
import { exportRouter } from '../fit/tensorflow.ts';
import { countedTokens, inputLengths, learnTokens, meanTokensCost, paidPrices } from '../outcomes/amounts.ts';
import type { OutcomeMatrix } from '../outcomes/matrix.ts';
import { addFittedPrompts } from '../split/split.ts';
import { extendHeads, extendTask, extendUncertainty, readOutputs } from './extend-heads.ts';
import {
  bareArtifact,
  type CandidatePosterior,
  candidatePosterior,
  type ProbedCandidate,
  readProbes,
  trafficMeans,
} from './probes.ts';

/**
 * Adds a candidate to a trained router from some tens of outcomes. Nothing is fitted again: what the router says of the
 * others stays as it is, to rounding.
 *
 * @throws InvalidInputError when the candidate is there already, the probes are too few, or the model has layers that
 * training does not write
 */
export async function addCandidate(input: AddCandidateInput): Promise<AddedCandidate> {
  const { artifact, candidate, caution = 1 } = input;
  const { manifest } = artifact;
  checkNew(manifest, candidate.name);
  const family = input.family?.map((name) => columnOf(manifest, name)) ?? null;
  const outputs = readOutputs(artifact);
  const bare = await input.open(await bareArtifact(artifact));
  const tokens = ownTokens(input.probes, candidate);
  const inputRate = inputRateOf(manifest, candidate, input.probes, family);
  const inputCosts = tokens.lengths.map((length) => (inputRate === 0 ? 0 : inputRate * length));
  const probes = await readProbes(bare, input.probes, candidate.name, family, inputCosts);
  const count = probes.own.quality.length;
  if (count < FEWEST_PROBES) {
    throw new InvalidInputError(
      `A candidate needs ${FEWEST_PROBES} probes with a quality, better 50. Got ${count} of ${candidate.name}. Ask it ` +
        "prompts of the traffic, and judge its answers as the traffic's were.",
    );
  }
  const means = trafficMeans(manifest.candidates, probes.expected);
  const posterior = candidatePosterior({
    expected: probes.expected,
    means,
    quality: probes.own.quality,
    others: probes.others,
    family,
  });
  const routedBy = Math.min(1, Math.max(0, posterior.mean - caution * posterior.deviation));
  const weights = cautiousWeights(posterior, caution);
  const extended = extendHeads(manifest, outputs, probes, weights, routedBy, inputRate);
  const { model, files } = await exportRouter(extended);
  const { uncertainty } = manifest;
  const unsure =
    uncertainty === undefined
      ? null
      : extendUncertainty(
          uncertainty,
          await (artifact.load?.(uncertainty.file) ?? artifact.file(uncertainty.file)),
          weights,
          count,
        );
  const onboarded = onboardedCandidate(candidate.name, manifest, posterior, routedBy, count, means);
  const built = await editArtifact(artifact, {
    what: `Candidate ${candidate.name} was added from ${count} probes.`,
    details: { onboarded },
    contents: {
      candidates: [
        ...manifest.candidates,
        { ...manifestCandidate(candidate, posterior.mean, probes.own), ...tokens.learned },
      ],
      heads: extended.heads,
      ...(manifest.task === undefined ? {} : { task: extendTask(manifest.task, weights) }),
      model,
      ...(unsure === null ? {} : { uncertainty: unsure.spec }),
    },
    files: unsure === null ? files : new Map([...files, [unsure.spec.file, unsure.bytes]]),
    removed: modelFiles(manifest).filter((path) => !files.has(path)),
    reports: seenWithProbes(artifact, input.probes, candidate.name),
  });
  return { artifact: built, onboarded };
}

interface AddCandidateInput {
  readonly artifact: Artifact;
  /** Name, prices and limits, as in the training config. */
  readonly candidate: Candidate;
  /** Outcomes of the new candidate, and, where there are any, of others for the same prompts. */
  readonly probes: OutcomeMatrix;
  /** Candidates that it is expected to be like. @default all of them alike */
  readonly family?: readonly string[];
  /**
   * Standard deviations below its estimated quality that it is routed by; its shape is kept to 1 / (1 + this). The less,
   * the sooner it gets traffic. @default 1
   */
  readonly caution?: number;
  /** Makes a router of an artifact, with its embedder. */
  readonly open: (artifact: BuiltArtifact) => Promise<Router>;
}

/** A new version of a router that knows one candidate more. */
export interface AddedCandidate {
  readonly artifact: BuiltArtifact;
  readonly onboarded: OnboardedCandidate;
}

/** Fewer say next to nothing. */
const FEWEST_PROBES = 10;

function checkNew({ candidates }: Manifest, name: string): void {
  const known = candidates.find((candidate) => candidate.name === name);
  if (known === undefined) return;
  throw new InvalidInputError(
    known.retired === true
      ? `${name} is a retired candidate of the router. Bring it back with: npx pointsman candidates restore`
      : `The router knows ${name} already. To learn more of it, train again with its traffic.`,
  );
}

function columnOf({ candidates }: Manifest, name: string): number {
  const at = candidates.findIndex((candidate) => candidate.name === name);
  if (at !== -1) return at;
  const names = candidates.map((candidate) => candidate.name).join(', ');
  throw new InvalidInputError(
    `\`family\` must name candidates of the router, among ${names}. Got "${name}".`,
  );
}

/** What its probes say of its tokens, and of their prices where none are given. */
function ownTokens(
  probes: OutcomeMatrix,
  candidate: Candidate,
): { readonly learned: Partial<ManifestCandidate>; readonly lengths: Float64Array } {
  const c = probes.candidates.indexOf(candidate.name);
  const counted = countedTokens(probes);
  const tokens = c === -1 ? undefined : learnTokens(probes, c, Int32Array.from(counted.keys()), counted);
  const lengths = inputLengths(probes, c, tokens, counted);
  if (tokens === undefined) return { learned: {}, lengths };
  const { inputPricePerMillionTokens: input, outputPricePerMillionTokens: output } = candidate;
  const paid = input === undefined || output === undefined ? paidPrices(probes, c) : null;
  return { learned: { tokens, ...(paid === null ? {} : { paidPrices: paid }) }, lengths };
}

/** Its price, or what its family pays, as much dearer as its answers are; 0 where cost heads hold the input, too. */
function inputRateOf(
  { candidates, heads }: Manifest,
  { inputPricePerMillionTokens, name }: Candidate,
  probes: OutcomeMatrix,
  family: readonly number[] | null,
): number {
  const rates = heads.costBesideInput?.perInputToken;
  if (rates === undefined) return 0;
  if (inputPricePerMillionTokens !== undefined) return inputPricePerMillionTokens / 1e6;
  const c = probes.candidates.indexOf(name);
  const own = Float64Array.from(probes.costUsd.filter((_, cell) => cell % probes.candidates.length === c));
  const relatives = (family ?? [...candidates.keys()]).filter((i) => candidates[i].meanCostUsd);
  const shares = relatives.map((i) => rates[i] / candidates[i].meanCostUsd!);
  return shares.length === 0 ? 0 : (observedMean(own) ?? 0) * mean(shares);
}

/**
 * Its shape, back towards that of its family: where a candidate looks best of all is where its estimate is likeliest to be
 * too high, and that lowering its level does not mend. By half with the usual caution.
 */
function cautiousWeights({ weights, priorWeights }: CandidatePosterior, caution: number): Float64Array {
  const kept = 1 / (1 + caution);
  return weights.map((weight, c) => priorWeights[c] + kept * (weight - priorWeights[c]));
}

/** As many as a tail needs. */
const FEWEST_LATENCIES = 20;

function manifestCandidate(candidate: Candidate, quality: number, own: ProbedCandidate): ManifestCandidate {
  const latencies = own.latencyMs.filter((x) => !Number.isNaN(x)).sort();
  return {
    ...candidate,
    meanQuality: Math.min(1, Math.max(0, quality)),
    meanCostUsd: observedMean(own.costUsd),
    meanLatencyMs: observedMean(own.latencyMs),
    ...(latencies.length < FEWEST_LATENCIES ? {} : { p95LatencyMs: quantileSorted(latencies, 0.95) }),
  };
}

function observedMean(values: Float64Array): number | null {
  const seen = mean(values);
  return Number.isNaN(seen) ? null : seen;
}

function modelFiles({ model: { topology, weights, router } }: Manifest): string[] {
  return router === undefined ? [topology, weights] : [topology, weights, router];
}

/** What was fitted on is seen, the probes too. */
function seenWithProbes(
  { manifest, reports }: Artifact,
  { candidates, prompts, quality }: OutcomeMatrix,
  name: string,
): ReadonlyMap<string, Uint8Array> {
  const record = reports?.files.get(SEEN_FILE);
  if (record === undefined) return new Map();
  const c = candidates.indexOf(name);
  const probed = prompts.filter((_, row) => !Number.isNaN(quality[row * candidates.length + c]));
  return new Map([[SEEN_FILE, addFittedPrompts(record, probed, manifest.provenance.dataFingerprint)]]);
}

/** What was found out about a new candidate, and how sure it is. */
export interface OnboardedCandidate {
  readonly name: string;
  readonly probes: number;
  /** Mean quality over the traffic, with its 95 % interval. */
  readonly quality: Interval;
  /** What it is routed by: the estimate less `caution` standard deviations. */
  readonly routedBy: number;
  /** Over the best of the others that are in use. */
  readonly advantage: Interval & { readonly over: string };
  /** Those that it is most like, by their weight in what is expected of it. */
  readonly like: readonly { readonly name: string; readonly weight: number }[];
}

export interface Interval {
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
}

/** Of a normal distribution 95 % are within so many standard deviations. */
const WITHIN = 1.96;

const MOST_LIKE = 3;

/** @param name of the new candidate @param manifest of the version without it @param means of those that it has, over the traffic */
function onboardedCandidate(
  name: string,
  { candidates }: Manifest,
  { weights, mean, deviation }: CandidatePosterior,
  routedBy: number,
  probes: number,
  means: Float64Array,
): OnboardedCandidate {
  const inUse = candidates.filter(({ retired }) => retired !== true);
  const best = argMax(
    candidates.map(({ retired }, c) => (retired === true && inUse.length > 0 ? -1 : means[c])),
  );
  const interval = (estimate: number): Interval => ({
    estimate,
    low: estimate - WITHIN * deviation,
    high: estimate + WITHIN * deviation,
  });
  const like = candidates
    .map((candidate, c) => ({ name: candidate.name, weight: weights[c] }))
    .sort((a, b) => b.weight - a.weight)
    .slice(0, MOST_LIKE);
  const advantage = { over: candidates[best].name, ...interval(mean - means[best]) };
  return { name, probes, quality: interval(mean), routedBy, advantage, like };
}

/** Those of a router that came in without training, as they were found then. */
export function onboardedOf(manifest: Manifest): OnboardedCandidate[] {
  return editsOf(manifest).flatMap(({ details }) =>
    typeof details === 'object' && details !== null && 'onboarded' in details
      ? [details.onboarded as OnboardedCandidate]
      : [],
  );
}

/**
 * A new version of a router that never chooses a candidate, nor falls back on it, whatever the policy. It stays known:
 * nothing is fitted again, and what is said of the others stays as it is.
 *
 * @throws InvalidInputError when there is no such candidate, it is retired already, or it is the last
 */
export function retireCandidate(artifact: Artifact, name: string): Promise<BuiltArtifact> {
  const candidate = findCandidate(artifact, name);
  if (candidate.retired === true) throw new InvalidInputError(`${name} is retired already.`);
  const { candidates } = artifact.manifest;
  if (candidates.every((other) => other === candidate || other.retired === true)) {
    throw new InvalidInputError(`${name} is the last candidate in use. Add or restore another one first.`);
  }
  return editCandidate(artifact, `Candidate ${name} was retired.`, { ...candidate, retired: true });
}

/**
 * A new version in which a retired candidate may be chosen again.
 *
 * @throws InvalidInputError when there is no such candidate, or it is in use
 */
export function restoreCandidate(artifact: Artifact, name: string): Promise<BuiltArtifact> {
  const { retired, ...candidate } = findCandidate(artifact, name);
  if (retired !== true) throw new InvalidInputError(`${name} is in use: it was not retired.`);
  return editCandidate(artifact, `Candidate ${name} was restored.`, candidate);
}

/** The same artifact with one candidate changed. */
function editCandidate(artifact: Artifact, what: string, changed: ManifestCandidate): Promise<BuiltArtifact> {
  const candidates = artifact.manifest.candidates.map((candidate) =>
    candidate.name === changed.name ? changed : candidate,
  );
  return editArtifact(artifact, { what, contents: { candidates } });
}

/** @throws InvalidInputError when there is no such candidate */
function findCandidate({ manifest: { candidates } }: Artifact, name: string): ManifestCandidate {
  const found = candidates.find((candidate) => candidate.name === name);
  if (found !== undefined) return found;
  const names = candidates.map((candidate) => candidate.name).join(', ');
  throw new InvalidInputError(`The router has the candidates ${names}. Got "${name}".`);
}

/** What may be said of a candidate without learning anything. */
export type CandidateSettings = Partial<Omit<Candidate, 'name' | 'retired'>>;

/**
 * A new version in which prices, limits or modalities of a candidate are others. Nothing is fitted again: where its tokens are
 * known, its costs are those at the new prices from the next request on. A retraining goes by its own config, so say it there, too.
 *
 * @throws InvalidInputError when there is no such candidate, or nothing changes
 */
export function setCandidate(
  artifact: Artifact,
  name: string,
  settings: CandidateSettings,
): Promise<BuiltArtifact> {
  const candidate = findCandidate(artifact, name);
  const changed = Object.entries(settings).filter(
    ([field, value]) => JSON.stringify(candidate[field as keyof Candidate]) !== JSON.stringify(value),
  );
  if (changed.length === 0) {
    throw new InvalidInputError(
      `Settings of ${name} must change something, such as inputPricePerMillionTokens. Got ${JSON.stringify(settings)}.`,
    );
  }
  const what = changed.map(([field, value]) => `${field} ${JSON.stringify(value)}`).join(', ');
  const after = { ...candidate, ...settings };
  return editCandidate(artifact, `Candidate ${name} was set to ${what}.`, {
    ...after,
    meanCostUsd: meanCostOf(candidate, after),
  });
}

/** The mean of the traffic, at the new prices. */
function meanCostOf(before: ManifestCandidate, after: ManifestCandidate): number | null {
  const [old, now] = [meanTokensCost(before), meanTokensCost(after)];
  if (now === null) return before.meanCostUsd;
  return old === null || before.meanCostUsd === null || old === 0 ? now : (before.meanCostUsd * now) / old;
}
