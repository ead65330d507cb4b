import type { AmountPart, Manifest, ManifestCandidate } from '../artifact/manifest.ts';
import { tokenCost } from '../candidate/token-cost.ts';
import type { Head } from '../head/head.ts';
import type { HeadSpec } from '../head/head-spec.ts';
import type { Predictions } from '../policy/predictions.ts';

/** How long a request is. */
export interface RequestSize {
  /** What `countRequestTokens` makes of it, or the caller; NaN where only an embedding is given. */
  readonly tokens: number;
  /** Tokens at its beginning that each candidate's provider has in its cache, by name. */
  readonly cachedTokens?: Readonly<Record<string, number>> | undefined;
}

export const UNKNOWN_SIZE: RequestSize = { tokens: Number.NaN };

/** What answers cost and how long they take. */
interface ExpectedAmounts {
  /** Whether the size of a request changes anything. */
  readonly readsSize: boolean;
  readonly heads: Readonly<Record<string, Head>>;
  /** Writes `costUsd`, `latencyMs` and `outputTokens`. */
  writeInto(features: Float32Array, size: RequestSize, out: Required<Predictions>): void;
}

/**
 * The cost of an answer is tokens times prices where a candidate's prices are known and so is how much it writes; else
 * what the cost heads say, or its mean; never less than its price of the input. Its latency likewise goes by tokens, or the
 * latency head says it.
 *
 * @param build a head of the manifest, by its name there.
 */
export function expectedAmounts(
  { candidates, heads }: Manifest,
  build: (name: string, spec: HeadSpec) => Head,
): ExpectedAmounts {
  const count = candidates.length;
  const raw = new Float32Array(count);
  const beside = new Float64Array(count);
  const made: Record<string, Head> = {};
  const partOf = (name: string, part: AmountPart | null | undefined) => {
    if (part == null) return undefined;
    made[name] = build(name, part.head);
    return { ...part, head: made[name] };
  };
  const outputTokens = partOf('outputTokens', heads.outputTokens);
  const cost = partOf('cost', heads.cost) ?? partOf('costBesideInput', heads.costBesideInput);
  const latency = partOf('latency', heads.latency);
  const perInputToken = heads.cost === null ? heads.costBesideInput?.perInputToken : undefined;
  const models = candidates.map((candidate, c) => modelOf(candidate, perInputToken?.[c] ?? 0));

  return {
    heads: made,
    readsSize: models.some(({ readsSize }) => readsSize),
    writeInto(features, { tokens, cachedTokens }, out) {
      scaledInto(outputTokens, features, raw, out.outputTokens);
      scaledInto(cost, features, raw, beside);
      scaledInto(latency, features, raw, out.latencyMs);
      for (let c = 0; c < count; c++) {
        const model = models[c];
        const output = model.output(out.outputTokens[c]);
        const input = model.input(tokens);
        const cached = cachedTokens?.[model.name] ?? 0;
        out.outputTokens[c] = output;
        out.costUsd[c] = model.cost(beside[c], input, output, cached);
        out.latencyMs[c] = model.latency(out.latencyMs[c], input, output);
      }
    },
  };
}

/** What one candidate's heads and the size of a request come to. NaN is unknown. */
interface AmountModel {
  readonly name: string;
  readonly readsSize: boolean;
  /** Tokens that it counts for a request of `tokens`. */
  input(tokens: number): number;
  output(predicted: number): number;
  cost(predicted: number, input: number, output: number, cached: number): number;
  latency(predicted: number, input: number, output: number): number;
}

function modelOf(candidate: ManifestCandidate, perInputToken: number): AmountModel {
  const { latencyByTokens, name, paidPrices, tokens: learned } = candidate;
  const prices = { ...paidPrices, ...candidate };
  const meanCost = candidate.meanCostUsd ?? Number.NaN;
  const meanLatency = candidate.meanLatencyMs ?? Number.NaN;
  const { inputFrame = 0, inputRatio = 1, meanInput = Number.NaN } = learned ?? {};
  const byTokens = learned !== undefined && !Number.isNaN(tokenCost(prices, 1, 1));
  // What no output can make cheaper.
  const floor = { ...candidate, outputPricePerMillionTokens: 0 };

  return {
    name,
    readsSize:
      byTokens ||
      perInputToken > 0 ||
      latencyByTokens !== undefined ||
      candidate.inputPricePerMillionTokens !== undefined,
    input: (tokens) => (Number.isNaN(tokens) ? meanInput : inputFrame + inputRatio * tokens),
    output(predicted) {
      if (learned === undefined) return Number.NaN;
      return finiteOr(learned.meanOutput, predicted);
    },
    cost(predicted, input, output, cached) {
      if (byTokens) return finiteOr(meanCost, tokenCost(prices, input, output, cached));
      if (Number.isNaN(meanCost)) return meanCost;
      const value = predicted + (perInputToken > 0 ? perInputToken * input : 0);
      const least = tokenCost(floor, input, 0, cached);
      return Math.max(finiteOr(meanCost, value), finiteOr(0, least));
    },
    latency(predicted, input, output) {
      if (latencyByTokens !== undefined) {
        const { fixedMs, perInputTokenMs, perOutputTokenMs } = latencyByTokens;
        return finiteOr(meanLatency, fixedMs + perInputTokenMs * input + perOutputTokenMs * output);
      }
      return Number.isNaN(meanLatency) ? meanLatency : finiteOr(meanLatency, predicted);
    },
  };
}

function finiteOr(otherwise: number, value: number): number {
  return Number.isFinite(value) ? value : otherwise;
}

/** scale * exp(output), within bounds; NaN without a head. */
function scaledInto(
  part: (Omit<AmountPart, 'head'> & { readonly head: Head }) | undefined,
  features: Float32Array,
  raw: Float32Array,
  out: Float64Array,
): void {
  if (part === undefined) {
    out.fill(Number.NaN);
    return;
  }
  const { bounds, head, scales } = part;
  head.predictInto(features, raw);
  for (let c = 0; c < out.length; c++) {
    const value = scales[c] * Math.exp(raw[c]);
    out[c] = bounds === undefined ? value : Math.max(bounds[c][0], Math.min(bounds[c][1], value));
  }
}
