import type { Artifact, PolicySpec } from 'pointsman';
import { createRandom } from 'pointsman/internal';
import { type OutcomeMatrix, takeCells } from '../outcomes/matrix.ts';
import {
  COST_WEIGHTS,
  cascadeRouting,
  haveAnswered,
  type KeptAnswers,
  openKeptAnswers,
  routingFamily,
  scoreInTurn,
} from '../tune/answer-scores.ts';
import { tuneForLoss } from '../tune/guarantee.ts';
import {
  cascadeFamily,
  chooseByWeights,
  measureSetting,
  type RoutingFamily,
  type TuningRows,
} from '../tune/settings.ts';
import { formatConfidence, formatCount, formatPercent, formatPoints, plural } from '../words.ts';
import { bootstrapMeans } from './compare.ts';
import { WAY_IDS, type Way, type WayId, type WaySaving, type Ways } from './evaluation.ts';
import type { DialInput, TestPredictions } from './evaluation-input.ts';
import { type CostQuality, costQualityHull } from './metrics.ts';
import type { ValuedRows } from './setting-worth.ts';

export const WAY_NAMES: Readonly<Record<WayId, string>> = {
  route: 'route',
  prompt: 'cascade on the prompt',
  answer: 'cascade on the answer',
  routing: 'cascade routing',
};

/** What ways that read answers need of a router and of a table, or what is lacking. */
export function answersFor(artifact: Artifact, matrix: OutcomeMatrix): Promise<KeptAnswers | string> {
  return openKeptAnswers(artifact, matrix);
}

/** Ways to ask that are not compared. @param missing why, in a sentence */
export function noWays(missing: string): Ways {
  return { chain: [], singles: [], rows: 0, chosenOn: null, isEstimated: false, ways: [], missing };
}

/** Fewer prompts with all answers say nothing. */
const FEWEST = 50;

/** Prompts of a split that are looked at: more take their time, and hardly show more. */
const MOST = 4000;

const LOSSES = [0.01, 0.02, 0.05];

interface WaysInput {
  readonly matrix: OutcomeMatrix;
  readonly dial: DialInput & { readonly answers: KeptAnswers | string };
  /** Numbers of the candidates, cheapest first. */
  readonly chain: readonly number[];
  readonly test: WaySplit;
  /** Null: settings are those of `dial.foundWays`. */
  readonly calibrate: WaySplit | null;
  readonly seed: number;
  readonly resamples: number;
}

/** Prompts, what is known of them, and what the router says of them. */
interface WaySplit {
  readonly valued: ValuedRows;
  readonly predictions: TestPredictions;
}

/**
 * Whoever is cheaper than the best single candidate and better than all that are cheaper still, then that one: in training, so that
 * nothing is chosen by the prompts that are measured on.
 */
export function chainTo(
  best: number,
  compared: readonly number[],
  { costUsd, quality }: { readonly costUsd: Float64Array; readonly quality: Float64Array },
): number[] {
  const chain: number[] = [];
  const cheaper = compared.filter((c) => c !== best && costUsd[c] < costUsd[best]);
  for (const c of cheaper.sort((a, b) => costUsd[a] - costUsd[b] || quality[b] - quality[a]))
    if (chain.length === 0 || quality[c] > quality[chain[chain.length - 1]]) chain.push(c);
  return [...chain, best];
}

/** Settings are chosen on the calibrate split, each by its own way; the test split measures those that were chosen, and no others. */
export function compareWays(input: WaysInput): Ways {
  const { calibrate, chain, dial, matrix, test } = input;
  const { isEstimated } = test.valued;
  const lacking = whatIsLacking(input);
  const rowsOf = (split: WaySplit) => wayRows(split, input, lacking === null);
  const [tested, chosen] = [rowsOf(test), calibrate && rowsOf(calibrate)];
  const measured = WAY_IDS.map((id): Way => {
    const missing = id === 'answer' || id === 'routing' ? lacking : null;
    if (missing !== null) return { id, curve: [], savings: [], missing };
    const found = dial.foundWays?.ways.find((way) => way.id === id);
    if (chosen === null && (found === undefined || found.missing !== null))
      return { id, curve: [], savings: [], missing: found?.missing ?? NOT_FOUND };
    const family = familyOf(id, tested, input);
    const own = chosen && familyOf(id, chosen, input);
    const dials = own ? curveDials(own, chosen.table) : found!.curve.map((point) => point.dial);
    const settings = own
      ? LOSSES.map((maxLoss) => ({ maxLoss, ...settingFor(own, chosen.table, maxLoss, input) }))
      : found!.savings;
    return {
      id,
      curve: dials.map((at) => ({ dial: at, ...pointAt(family, at, tested.table) })),
      savings: isEstimated ? [] : worthOf(family, settings, tested.table, input),
      missing: null,
    };
  });
  return {
    chain: chain.map((c) => matrix.candidates[c]),
    singles: chain.map((c) => pointAt(cascadeFamily([c]), 0, tested.table)),
    rows: tested.rows.length,
    chosenOn: chosen?.rows.length ?? null,
    isEstimated,
    ways: measured,
    missing: null,
  };
}

export const NOT_FOUND =
  "Training looks for its settings, and what this router's training found is not known here.";

/** Why ways that read answers cannot be followed, in a sentence; null where they can. */
function whatIsLacking({ calibrate, chain, dial, matrix, test }: WaysInput): string | null {
  const names = chain.map((c) => matrix.candidates[c]).join(', ');
  if (test.valued.isEstimated || calibrate?.valued.isEstimated)
    return (
      'Of each prompt the log has one answer, or few: whether a cascade would have gone on, and what the next one would have said, is not in it, and ' +
      `no estimate is made. Collect answers of ${names} to the same prompts, as shadow calls do.`
    );
  if (typeof dial.answers === 'string') return LACKS[dial.answers] ?? `It takes ${dial.answers}.`;
  for (const split of [test, ...(calibrate === null ? [] : [calibrate])]) {
    const { prompts } = split.valued.comparison;
    const answered = prompts.filter((row) => haveAnswered(matrix, row, chain)).length;
    if (answered < FEWEST)
      return `Answers of all of ${names} are there for ${formatCount(answered)} of ${plural(prompts.length, split === test ? 'test prompt' : 'calibrate prompt')}, and ${FEWEST} are the fewest.`;
  }
  return null;
}

/** By what `openKeptAnswers` lacks. */
const LACKS: Readonly<Record<string, string>> = {
  'an answer head':
    'The router has no answer head. Train on traffic with answers; the line `Answers` of the training says why there is none.',
  answers:
    'The traffic has no answers that can be read. Give logs with their answers, or a table that was made without `--answers none`.',
  'the words of answers':
    'The answer head reads words of answers, and they were not kept. Give logs, or a table that was made with `--answers text`.',
};

/** What is known of the prompts that ways are compared on. */
interface WayRows {
  readonly rows: Int32Array; // prompts of the matrix
  readonly table: TuningRows;
  readonly expectedCostUsd: Float32Array; // [rows, candidates]
}

function wayRows(
  { predictions, valued: { comparison } }: WaySplit,
  { chain, matrix, seed }: WaysInput,
  areAnswersRead: boolean,
): WayRows {
  const columns = matrix.candidates.length;
  const { costUsd, groups, positions, prompts, quality } = comparison;
  const usable = Int32Array.from(positions.keys()).filter(
    (i) => !areAnswersRead || haveAnswered(matrix, prompts[i], chain),
  );
  const kept = createRandom(seed).shuffle(usable).slice(0, MOST).sort();
  const said = (cells: Float32Array) =>
    takeCells(
      cells,
      columns,
      kept.map((i) => positions[i]),
    );
  return {
    rows: kept.map((i) => prompts[i]),
    table: {
      columns,
      quality: Float32Array.from(takeCells(quality, columns, kept)),
      costUsd: Float32Array.from(takeCells(costUsd!, columns, kept)),
      success: said(predictions.success),
      groups: kept.map((i) => groups[i]),
    },
    expectedCostUsd: said(predictions.expectedCostUsd),
  };
}

/** What the settings of a way do with these prompts. */
function familyOf(id: WayId, split: WayRows, { chain, dial, matrix }: WaysInput): RoutingFamily {
  const { expectedCostUsd, rows, table } = split;
  const { success } = table;
  if (id === 'prompt') return cascadeFamily(chain);
  if (id === 'route') return routeFamily(split, chain, dial);
  const kept = dial.answers as KeptAnswers;
  const predicted = { rows, success, expectedCostUsd };
  if (id === 'routing') return routingFamily(kept, matrix.candidates, predicted, chain);
  const scores = scoreInTurn(kept, predicted, chain.slice(0, -1));
  const inTurn = cascadeFamily(chain, { asked: 1 });
  return {
    ...inTurn,
    choose: (threshold, _, at) => inTurn.choose(threshold, scores, at),
    cost: (threshold, _, costs, at) => inTurn.cost(threshold, scores, costs, at),
  };
}

function routeFamily(
  { expectedCostUsd, table: { columns, success } }: WayRows,
  chain: readonly number[],
  { candidates }: DialInput,
): RoutingFamily {
  const said = {
    ...{ success, expectedCostUsd, expectedLatencyMs: expectedCostUsd.map(() => Number.NaN) },
    removed: Uint8Array.from(success, (_, cell) => Number(!chain.includes(cell % columns))),
  };
  const known = new Map<number, Int32Array>();
  const choose = (cost: number, _: Float32Array, at: number) => {
    const chosen = known.get(cost) ?? chooseByWeights(candidates, said, { quality: 1, cost, latency: 0 });
    known.set(cost, chosen);
    return chosen[at / columns];
  };
  return {
    ...{ dials: COST_WEIGHTS, candidates: chain, choose },
    cost: (dial, scores, costs, at) => costs[at + choose(dial, scores, at)],
    thresholds: () => [],
  };
}

/** Mean cost and quality of a setting. */
function pointAt(family: RoutingFamily, dial: number, { columns, costUsd, quality, success }: TuningRows) {
  const rows = quality.length / columns;
  let [cost, sum] = [0, 0];
  for (let at = 0; at < quality.length; at += columns) {
    cost += family.cost(dial, success, costUsd, at) / rows;
    sum += quality[at + family.choose(dial, success, at)] / rows;
  }
  return { cost, quality: sum };
}

/** Settings that mixtures of others do not beat, ascending by cost. */
function curveDials(family: RoutingFamily, table: TuningRows): number[] {
  const points = Array.from(family.dials, (dial) => ({ dial, ...pointAt(family, dial, table) }));
  return costQualityHull(points).map(({ dial }) => dial);
}

const CONFIDENCE = 0.9;

function settingFor(family: RoutingFamily, table: TuningRows, maxQualityLoss: number, { seed }: WaysInput) {
  const dial = tuneForLoss(family, table, { maxQualityLoss, delta: 1 - CONFIDENCE, seed });
  if (dial !== null) return { dial, reason: null };
  const { loss, rows } = measureSetting(family, family.dials[0], table);
  const reason =
    loss > maxQualityLoss
      ? `Even its safest setting loses ${formatPoints(loss)} points on ${plural(rows, 'prompt')} of the calibrate split.`
      : `${plural(rows, 'prompt')} of the calibrate split are too few to show it.`;
  return { dial: null, reason };
}

/** Settings on the test split, beside always asking the last candidate, paired by prompt. */
function worthOf(
  family: RoutingFamily,
  settings: readonly Pick<WaySaving, 'maxLoss' | 'dial' | 'reason'>[],
  { columns, costUsd, groups, quality, success }: TuningRows,
  { resamples, seed }: WaysInput,
): WaySaving[] {
  const last = family.candidates[family.candidates.length - 1];
  const starts = Array.from(groups, (_, row) => row * columns);
  const paid = starts.reduce((sum, at) => sum + costUsd[at + last], 0) / starts.length;
  return settings.map(({ dial, maxLoss, reason }) => {
    if (dial === null) return { maxLoss, dial, difference: null, savedShare: null, reason };
    const saved = starts.map((at) => costUsd[at + last] - family.cost(dial, success, costUsd, at));
    const share = saved.reduce((sum, each) => sum + each, 0) / starts.length / paid;
    const [difference, savedShare] = bootstrapMeans(
      [
        starts.map((at) => quality[at + family.choose(dial, success, at)] - quality[at + last]),
        // A ratio of means, linearised: its value, plus what each row adds to it.
        saved.map((value, i) => share + (value - share * costUsd[starts[i] + last]) / paid),
      ],
      { resamples, seed, clusters: groups },
    );
    return { maxLoss, dial, difference, savedShare: paid > 0 ? savedShare : null, reason: null };
  });
}

/** The policy of a setting. */
export function policyOfWay(id: WayId, chain: readonly string[], dial: number): PolicySpec {
  const last = chain[chain.length - 1];
  const first = chain.slice(0, -1);
  switch (id) {
    case 'route':
      return {
        kind: 'utility',
        weights: { quality: 1, cost: dial, latency: 0 },
        limits: { allow: [...chain] },
      };
    case 'prompt':
      return { kind: 'cascade', steps: [...first.map((use) => ({ use, minSuccess: dial })), { use: last }] };
    case 'answer': {
      const accept = { kind: 'answer', threshold: dial } as const;
      return { kind: 'cascade', steps: [...first.map((use) => ({ use, accept })), { use: last }] };
    }
    case 'routing':
      return cascadeRouting(chain, dial);
  }
}

/** What ways are, and on what they were measured, in the middle of a sentence. */
export function waysSubject({ chain, chosenOn, isEstimated, rows }: Ways): string {
  const chosen =
    chosenOn === null ? 'in training' : `on ${plural(chosenOn, 'prompt')} of the calibrate split`;
  return (
    `ways to ask ${listed(chain)}, ${isEstimated ? 'estimated on' : 'on'} ` +
    `${plural(rows, 'test prompt')}, with settings chosen ${chosen}`
  );
}

/** How the candidates are named to `pointsman tune`. @param folder of the router, as it is given to commands */
export function waysCommand({ chain }: Ways, folder: string): string {
  return `npx pointsman tune ${folder} traffic.jsonl --max-loss 2 --candidates ${chain.join(',')}`;
}

/** Which way saves most, and what is lacking: sentences. */
export function waysNotes({ chain, chosenOn, ways }: Ways): string[] {
  const last = chain[chain.length - 1];
  const missing = sayAlike(
    ways.flatMap(({ id, missing }) => (missing === null ? [] : [{ id, said: `: ${missing}` }])),
  );
  const without = sayAlike(ways.flatMap(withoutSettings));
  const most = [0.02, 0.05, 0.01].flatMap((maxLoss) => mostSaved(ways, maxLoss, last) ?? []).slice(0, 1);
  const shown =
    chosenOn !== null && ways.some(({ savings }) => savings.some(({ dial }) => dial !== null))
      ? [
          `Each loss is shown on the calibrate split for each way by itself, with ${formatConfidence(CONFIDENCE)} confidence (Learn-then-Test).`,
        ]
      : [];
  return [...most, ...shown, ...without, ...missing];
}

/** Losses for which a way has no setting, by the reason why. */
function withoutSettings({ id, savings }: Way): { readonly id: WayId; readonly said: string }[] {
  const reasons = [...new Set(savings.flatMap(({ reason }) => reason ?? []))];
  return reasons.map((why) => {
    const losses = savings
      .filter(({ reason }) => reason === why)
      .map(({ maxLoss }) => formatPoints(maxLoss, 0));
    return {
      id,
      said: `, at most ${listed(losses)} ${losses.join() === '1' ? 'point' : 'points'} lost: ${why}`,
    };
  });
}

/** Sentences that are said of one way or of several. */
function sayAlike(said: readonly { readonly id: WayId; readonly said: string }[]): string[] {
  return [...new Set(said.map((each) => each.said))].map((text) => {
    const names = said.filter((each) => each.said === text).map(({ id }) => WAY_NAMES[id]);
    return `${listed(names).replace(/^./, (first) => first.toUpperCase())}${text}`;
  });
}

/** "a", "a and b", "a, b and c" */
function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(', ')} and ${names[names.length - 1]}`;
}

/** Which way saves most where so much may be lost; null where fewer than two were measured. */
function mostSaved(ways: readonly Way[], maxLoss: number, last: string): string | null {
  const saved = ways.flatMap(({ id, savings }) => {
    const share = savings.find((saving) => saving.maxLoss === maxLoss)?.savedShare?.estimate;
    return share == null ? [] : [{ name: WAY_NAMES[id], share, printed: formatPercent(share, 0) }];
  });
  if (saved.length < 2) return null;
  saved.sort((a, b) => b.share - a.share);
  const most = saved.filter(({ printed }) => printed === saved[0].printed);
  const next = saved[most.length];
  const where = `Where at most ${sayPoints(maxLoss)} may be lost,`;
  if (!/[1-9]/.test(saved[0].printed) || saved[0].share < 0) return `${where} no way saves anything.`;
  const names = listed(most.map(({ name }) => name));
  const others = next === undefined ? '' : `; next comes ${next.name} with ${next.printed}`;
  return `${where} ${names} ${most.length === 1 ? 'saves' : 'save'} most of the cost of ${last} alone on these prompts: ${saved[0].printed}${others}.`;
}

function sayPoints(loss: number): string {
  return loss === 0.01 ? '1 point' : `${formatPoints(loss, 0)} points`;
}

/** Quality at a mean cost, by mixing the two settings about it; that of the last where more is paid. Null where no setting is so cheap. */
export function qualityAtCost(curve: readonly CostQuality[], cost: number): number | null {
  const after = curve.findLastIndex((point) => point.cost <= cost);
  if (after === -1) return null;
  const [low, high] = [curve[after], curve[after + 1]];
  if (high === undefined) return low.quality;
  return low.quality + ((cost - low.cost) / (high.cost - low.cost)) * (high.quality - low.quality);
}
