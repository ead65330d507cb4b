import {
  createRouter,
  type Decision,
  InvalidInputError,
  type Limits,
  loadCel,
  NoCandidateError,
  type PolicySpec,
  type Router,
  type UtilityWeights,
} from 'pointsman';
import type { ReadSample } from '../sample/decision-sample.ts';
import { type Estimate, estimate, type Scored } from './estimate.ts';
import { costScore, qualityScore } from './savings.ts';

/** What is to be moved. */
export interface Moved {
  readonly weights?: 'best' | 'balanced' | 'cheapest' | UtilityWeights;
  readonly limits?: Limits;
}

/** What decisions would have been with other weights or limits, and what that would have been worth. */
export interface WhatIf {
  readonly decisions: number;
  /** The probability with which each of the period was looked at. */
  readonly share: number;
  readonly since: string;
  /** Decisions whose words are not kept, or whose cost is not known: left out. */
  readonly leftOut: number;
  readonly rated: number;
  /** Whether the router's policy has weights that can be moved. */
  readonly hasWeights: boolean;
  /** Share of the requests that each candidate got, and would have got. */
  readonly before: Readonly<Record<string, number>>;
  readonly after: Readonly<Record<string, number>>;
  /** Share of the requests that would have gone where they went. */
  readonly agreement: number;
  /** Requests that no candidate could have taken. */
  readonly refused: number;
  /** US dollars a request: what it would be, and by how much that is more. */
  readonly costUsd: Estimate;
  readonly costChangeUsd: Estimate;
  /** Mean rating, 0 to 1; null while nothing is rated. */
  readonly quality: Estimate | null;
  readonly qualityChange: Estimate | null;
}

/** Decisions that are made in a row before whatever else waits has its turn. */
const AT_A_TIME = 16;

/**
 * Lets a router decide on requests of the past anew, without exploring, and estimates what its choices would have been worth.
 *
 * @param policy of the router, where the configuration has another than its artifact
 * @throws InvalidInputError where that cannot be done, and why
 */
export async function whatIf(
  router: Router,
  policy: PolicySpec | undefined,
  { decisions: sample, share }: ReadSample,
  { limits, weights }: Moved,
): Promise<WhatIf> {
  if (sample.length === 0)
    throw new InvalidInputError(
      'No decision of this router was answered in this time. Send it some traffic, or choose a longer time.',
    );
  if (sample.every(({ request }) => request === null))
    throw new InvalidInputError(
      'No words of these requests are kept (`log: { content: hash }`), so nothing can be decided on anew. Set `log.content: prompt`.',
    );
  if (router.manifest.embedder.table === undefined)
    throw new InvalidInputError(
      'Requests would have to be embedded anew, and the embedder of this router is not in its artifact: that is slow, or costs money. Train with the static embedder.',
    );
  // One that takes nothing down: these decisions are carried out by nobody.
  const alone = createRouter(router.artifact, {
    ...(policy === undefined ? {} : { policy, compile: await loadCel() }),
    ...(router.routers === undefined ? {} : { routers: router.routers }),
  });
  const counts = { before: new Map<string, number>(), after: new Map<string, number>() };
  const scores = {
    cost: [] as Scored[],
    costChange: [] as Scored[],
    quality: [] as Scored[],
    qualityChange: [] as Scored[],
  };
  let [decided, refused, agreed, rated, leftOut] = [0, 0, 0, 0, 0];
  let hasWeights = false;
  for (const [i, row] of sample.entries()) {
    if (i % AT_A_TIME === 0) await new Promise(setImmediate);
    const { costUsd, decision, quality, request } = row;
    if (request === null || costUsd === null) {
      leftOut++;
      continue;
    }
    const { task, tier } = decision;
    let made: Decision;
    try {
      made = await alone.route(request, {
        explore: false,
        ...(limits === undefined ? {} : { limits }),
        ...(weights === undefined ? {} : { weights }),
        signals: { ...(task === undefined ? {} : { task }), ...(tier === undefined ? {} : { tier }) },
      });
    } catch (error) {
      if (!(error instanceof NoCandidateError)) throw error;
      refused++;
      continue;
    }
    decided++;
    hasWeights ||= made.policyPath.some((path) => path.startsWith('utility'));
    if (made.candidate === decision.candidate) agreed++;
    counts.before.set(decision.candidate, (counts.before.get(decision.candidate) ?? 0) + 1);
    counts.after.set(made.candidate, (counts.after.get(made.candidate) ?? 0) + 1);
    const who = { [made.candidate]: 1 };
    push(scores.cost, costScore(row, who));
    push(scores.costChange, costScore(row, who, costUsd));
    if (quality === null) continue;
    rated++;
    push(scores.quality, qualityScore(row, who));
    push(scores.qualityChange, qualityScore(row, who, quality));
  }
  if (decided === 0)
    throw new InvalidInputError(
      leftOut === sample.length
        ? 'What these requests cost is not known, or their words were too long to be kept, so that nothing can be compared. Give prices of the candidates in the configuration.'
        : 'With these limits no candidate could have taken any of the requests. Loosen them.',
    );
  const subject = 'choices that would be made';
  const of = (scored: readonly Scored[]) => estimate(scored, subject);
  const ofRated = (scored: readonly Scored[]) => estimate(scored, `rated ${subject}`);
  const shares = (counted: ReadonlyMap<string, number>) =>
    Object.fromEntries([...counted].map(([name, count]) => [name, count / decided]));
  return {
    decisions: decided,
    share,
    since: sample[0].decision.at,
    leftOut,
    rated,
    hasWeights,
    before: shares(counts.before),
    after: shares(counts.after),
    agreement: agreed / decided,
    refused,
    costUsd: of(scores.cost),
    costChangeUsd: of(scores.costChange),
    quality: rated === 0 ? null : ofRated(scores.quality),
    qualityChange: rated === 0 ? null : ofRated(scores.qualityChange),
  };
}

function push(list: Scored[], scored: Scored | null): void {
  if (scored !== null) list.push(scored);
}
