import { type Artifact, InvalidInputError, type PolicySpec } from 'pointsman';
import { type AnswerScore, createPolicy } from 'pointsman/internal';
import type { OutcomeMatrix } from '../outcomes/matrix.ts';
import { openKeptAnswers, routeByAnswers } from './answer-scores.ts';
import { barePolicyContext, type RoutingFamily, WEIGHT_SETTINGS } from './settings.ts';
import type { PredictedRows, TunableRouting } from './tune-policy.ts';

/** Weights of cost, safest first: those of `utility`, but for the last, at which quality is worth nothing. */
const DIALS = Float64Array.from(
  WEIGHT_SETTINGS.filter(({ quality }) => quality === 1),
  ({ cost }) => cost,
);
/** Fewer prompts show nothing. */
const FEWEST = 50;

/** Cascade routing that can be tuned, and the rows of both parts that it can be tuned on. */
export interface RoutingParts {
  readonly tune: PredictedRows;
  readonly test: PredictedRows | null;
  /** Prompts without an answer or a rating of each candidate. */
  readonly leftOut: number;
  readonly routing: TunableRouting;
}

/**
 * Cascade routing over some candidates, with the weight of cost as a dial: what each weight does with a prompt is found by carrying the
 * policy out over the answers that the table keeps.
 *
 * @param names candidates, the one that loss is measured against last
 * @throws InvalidInputError where answers are not there, or words that the head reads were not kept
 */
export async function routingParts(
  artifact: Artifact,
  matrix: OutcomeMatrix,
  parts: { readonly tune: PredictedRows; readonly test: PredictedRows | null },
  names: readonly string[],
): Promise<RoutingParts> {
  const kept = await openKeptAnswers(artifact, matrix);
  if (typeof kept === 'string')
    throw new InvalidInputError(
      `Cascade routing is tuned on the answers of ${names.join(', ')} to the same prompts. What the traffic and the router have lacks ${kept}. ` +
        'Give logs with their answers, or a table that was made with `--answers text`.',
    );
  const columns = matrix.candidates.length;
  const numbers = names.map((name) => matrix.candidates.indexOf(name));
  const isRead = (row: number) =>
    numbers.every(
      (c) =>
        matrix.answers!.places[row * columns + c] >= 0 && !Number.isNaN(matrix.quality[row * columns + c]),
    );
  const take = (given: PredictedRows): PredictedRows => {
    const rows = [...given.rows.keys()].filter((i) => isRead(given.rows[i]));
    const cells = (values: Float32Array) =>
      Float32Array.from(rows.flatMap((i) => [...values.subarray(i * columns, (i + 1) * columns)]));
    return {
      rows: Int32Array.from(rows, (i) => given.rows[i]),
      success: cells(given.success),
      expectedCostUsd: cells(given.expectedCostUsd!),
    };
  };
  const [tune, test] = [take(parts.tune), parts.test && take(parts.test)];
  const leftOut =
    parts.tune.rows.length - tune.rows.length + ((parts.test?.rows.length ?? 0) - (test?.rows.length ?? 0));
  if (tune.rows.length < FEWEST)
    throw new InvalidInputError(
      `Cascade routing is tuned on ${FEWEST} prompts with the rated answers of ${names.join(', ')}, or more. Got ${tune.rows.length}, and ${leftOut} without. ` +
        'Collect answers of all of them for more prompts.',
    );
  const policyOf = (cost: number): PolicySpec => ({
    kind: 'cascade',
    steps: names.map((use) => ({ use })),
    weights: { quality: 1, cost, latency: 0 },
  });
  const familyOf = (rows: PredictedRows): RoutingFamily => {
    const own = Array.from(rows.rows, (row, i) =>
      numbers.map((c) => kept.of(row, c, rows.success[i * columns + c])!.evidence()),
    );
    return createFamily(artifact, matrix, { rows, own, numbers, policyOf, weigh: kept.weigh });
  };
  return { tune, test, leftOut, routing: { tune: familyOf(tune), test: test && familyOf(test), policyOf } };
}

interface FamilyParts {
  readonly rows: PredictedRows;
  /** Answers of each row by themselves, in the order of the numbers. */
  readonly own: readonly (readonly AnswerScore[])[];
  /** Candidates in the order of the matrix. */
  readonly numbers: readonly number[];
  policyOf(cost: number): PolicySpec;
  readonly weigh: Parameters<typeof routeByAnswers>[2];
}

function createFamily(
  { manifest }: Artifact,
  { candidates }: OutcomeMatrix,
  { numbers, own, policyOf, rows, weigh }: FamilyParts,
): RoutingFamily {
  const columns = candidates.length;
  const from = manifest.candidates.map(({ name }) => candidates.indexOf(name));
  const context = barePolicyContext(from.length);
  const { costUsd, success } = context.predictions;
  const numberOf = new Map(candidates.map((name, c) => [name, c]));
  const settings = new Map(
    Array.from(DIALS, (dial) => {
      const policy = createPolicy(policyOf(dial), manifest.candidates, { answer: manifest.answer ?? null });
      const routed = own.map((scores, i) => {
        from.forEach((c, at) => {
          success[at] = c === -1 ? 0 : rows.success[i * columns + c];
          costUsd[at] = c === -1 ? Number.NaN : rows.expectedCostUsd![i * columns + c];
        });
        const { step } = policy.decide(context);
        if (step.kind !== 'sequence' || step.routing === undefined)
          throw new Error('A cascade with weights and no limits routes.');
        const steps = step.steps.map((each) => numberOf.get((each.step as { candidate: string }).candidate)!);
        const { asked, best } = routeByAnswers(
          step.routing,
          (number) => ({ score: scores[numbers.indexOf(steps[number])], passes: true }),
          weigh,
        );
        return { chosen: steps[best], asked: asked.map((each) => steps[each]) };
      });
      return [dial, routed] as const;
    }),
  );
  const routedAt = (dial: number, at: number) => settings.get(dial)![at / columns];
  return {
    dials: DIALS,
    candidates: numbers,
    choose: (dial, _, at) => routedAt(dial, at).chosen,
    cost: (dial, _, costs, at) => routedAt(dial, at).asked.reduce((sum, c) => sum + costs[at + c], 0),
    thresholds: () => [],
  };
}
