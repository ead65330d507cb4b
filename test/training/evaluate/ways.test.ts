import { createRouter, memoryFiles, readArtifact } from 'pointsman';
import { describe, expect, it } from 'vitest';
import { describeDial } from '../../../training/cli/terminal/describe-dial.ts';
import { evaluate } from '../../../training/evaluate/evaluate.ts';
import type { Evaluation, Way, Ways } from '../../../training/evaluate/evaluation.ts';
import { policyOfWay, qualityAtCost, waysNotes } from '../../../training/evaluate/ways.ts';
import { loggingPropensities } from '../../../training/off-policy/propensities.ts';
import type { OutcomeMatrix } from '../../../training/outcomes/matrix.ts';
import { renderReport } from '../../../training/report/report.ts';
import { nameSplits } from '../../../training/split/split.ts';
import { evaluateRouter, predictTest } from '../../../training/train/evaluate-router.ts';
import { openKeptAnswers } from '../../../training/tune/answer-scores.ts';
import { answerArtifact } from '../../fixtures/answer-artifact.ts';
import { ANSWERED, answeredTraffic } from '../../fixtures/answered-traffic.ts';
import { fakeEmbedder } from '../../fixtures/fake-embedder.ts';

const artifact = await readArtifact(memoryFiles((await answerArtifact(ANSWERED)).files));
const router = createRouter(artifact, { embedder: fakeEmbedder });
const { given: _, ...traffic } = answeredTraffic({ prompts: 1200, seed: 8 });
const rows = Int32Array.from(traffic.prompts.keys());
const splits = nameSplits(rows.slice(0, 300), rows.slice(300, 900), rows.slice(900));
const [CALIBRATE, TEST] = [splits.calibrate.rows, splits.test.rows];

async function evaluationOf(
  matrix: OutcomeMatrix,
  { isLogged = false, kept }: { readonly isLogged?: boolean; readonly kept?: string } = {},
): Promise<Evaluation> {
  const said = (of: Int32Array) => predictTest(router, matrix, { role: 'test', rows: of }, null);
  return evaluate(
    {
      ...{ matrix, splits, groups: rows, artifactId: 'a', policy: 'utility' },
      predictions: await said(TEST),
      dial: {
        candidates: artifact.manifest.candidates,
        policy: { kind: 'utility' },
        calibrate: { rows: CALIBRATE, predictions: await said(CALIBRATE) },
        answers: kept ?? (await openKeptAnswers(artifact, matrix)),
      },
      ...(isLogged
        ? {
            propensities: await loggingPropensities(matrix, {
              features: () => ({
                rows: rows.length,
                columns: 1,
                values: new Float32Array(rows.length).fill(1),
              }),
              groups: rows,
              seed: 0,
            }),
          }
        : {}),
    },
    { resamples: 200 },
  );
}

const waysOf = async (...given: Parameters<typeof evaluationOf>): Promise<Ways> =>
  (await evaluationOf(...given)).dial!.ways!;

const wayOf = ({ ways }: Ways, id: Way['id']) => ways.find((way) => way.id === id)!;

describe('ways to ask', () => {
  it('are measured as the policy of each setting is carried out', async () => {
    const ways = await waysOf(traffic);
    expect(ways.chain).toEqual(['clerk', 'student', 'master']);
    expect(ways.rows).toBe(300);
    for (const way of ways.ways) {
      expect(way.missing).toBeNull();
      for (const point of way.curve) {
        const policy = policyOfWay(way.id, ways.chain, point.dial);
        const served = createRouter(artifact, { embedder: fakeEmbedder, policy });
        const { chosen, plans } = await predictTest(served, traffic, splits.test, null);
        const sums = { cost: 0, quality: 0 };
        TEST.forEach((row, i) => {
          const asked = (c: number) => (plans ? plans.asked[3 * i + c] : Number(chosen[i] === c));
          sums.quality += traffic.quality[3 * row + (plans ? plans.answers[i] : chosen[i])] / TEST.length;
          for (let c = 0; c < 3; c++) sums.cost += (asked(c) * traffic.costUsd[3 * row + c]) / TEST.length;
        });
        expect(point.quality).toBeCloseTo(sums.quality, 6);
        expect(point.cost).toBeCloseTo(sums.cost, 8);
      }
    }
  });

  it('that read answers beat those that read prompts, where only answers show who is right', async () => {
    const ways = await waysOf(traffic);
    const half = ways.singles[2].cost / 2;
    const at = (id: Way['id']) => qualityAtCost(wayOf(ways, id).curve, half)!;
    expect(at('answer')).toBeGreaterThan(at('prompt') + 0.1);
    expect(at('routing')).toBeGreaterThan(at('route') + 0.1);
    const saved = wayOf(ways, 'routing').savings.find(({ maxLoss }) => maxLoss === 0.05)!;
    expect(saved.savedShare!.estimate).toBeGreaterThan(0.4);
    expect(saved.difference!.estimate).toBeGreaterThan(-0.05);
    expect(waysNotes(ways).join(' ')).toMatch(
      /^Where at most 2 points may be lost, cascade on the answer saves most of the cost of master alone on these prompts: \d+ %; next comes cascade routing with \d+ %\. .*Route, at most 1, 2 and 5 points lost: Even its safest setting loses [\d.]+ points on 600 prompts of the calibrate split\./,
    );
  });

  it('have settings that test prompts do not choose: with other outcomes there they are the same', async () => {
    const changed = { ...traffic, quality: traffic.quality.slice(), costUsd: traffic.costUsd.slice() };
    for (const row of TEST)
      for (let c = 0; c < 3; c++) {
        changed.quality[3 * row + c] = 1 - changed.quality[3 * row + c];
        changed.costUsd[3 * row + c] *= 1 + c;
      }
    const dials = ({ ways }: Ways) =>
      ways.map(({ curve, savings }) => [curve.map(({ dial }) => dial), savings.map(({ dial }) => dial)]);
    const [before, after] = [await waysOf(traffic), await waysOf(changed)];
    expect(dials(after)).toEqual(dials(before));
    expect(wayOf(after, 'routing').curve).not.toEqual(wayOf(before, 'routing').curve);
  });

  it('are measured on other traffic with the settings that training found', async () => {
    const ways = await waysOf(traffic);
    const { given: _given, ...later } = answeredTraffic({ prompts: 200, seed: 9 });
    const { dial } = await evaluateRouter(router, later, { resamples: 100, ways });
    expect(dial!.ways).toMatchObject({ chain: ways.chain, rows: 200, chosenOn: null });
    expect(wayOf(dial!.ways!, 'answer').curve.map((point) => point.dial)).toEqual(
      wayOf(ways, 'answer').curve.map((point) => point.dial),
    );
    expect(waysNotes(dial!.ways!).join(' ')).not.toContain('Learn-then-Test');
  });
});

describe('what is shown of ways to ask', () => {
  it('is what each reaches at shares of the cost and what it saves, in a terminal and in the report', async () => {
    const evaluation = await evaluationOf(traffic);
    const said = describeDial(evaluation.dial!, 'models/a', 100);
    expect(said.replace(/\s+/g, ' ')).toMatch(
      / Ways to ask clerk, student and master, on 300 test prompts, with settings chosen on 600 prompts of the calibrate split, beside always using master \([\d.]+ points, \$[\d.]+ per 1,000 requests\): /,
    );
    expect(said).toMatch(/\nquality at a cost of +10 % +25 % +50 % +75 % +100 %\nroute +–? /);
    expect(said).toMatch(/\ncascade routing +\d+ % \(\d+ to \d+\) /);
    expect(said).toMatch(
      /\nSet one: npx pointsman tune models\/a traffic\.jsonl --max-loss 2 --candidates clerk,student,master and --cascade, --accept answer or --routing\n$/,
    );
    const report = renderReport(evaluation);
    expect(report).toContain('<h2>Route or cascade?</h2>');
    expect(report).toContain(
      'aria-label="Mean quality against mean cost of route, cascade on the prompt, cascade on the answer, cascade routing."',
    );
    expect(report).not.toContain('NaN');
  });

  it('is why they are not compared, where they are not', async () => {
    const costUsd = traffic.costUsd.map((cost, cell) => (cell % 3 === 1 ? cost / 1e4 : cost));
    const evaluation = await evaluationOf({ ...traffic, costUsd });
    expect(describeDial(evaluation.dial!, 'models/a', 300)).toMatch(
      /\nWays to ask are not compared: master is .*\.\n$/,
    );
    expect(renderReport(evaluation)).toContain('<p>Ways to ask are not compared. master is the best');
  });
});

describe('what is lacking', () => {
  it.each([
    ['an answer head', /^Cascade on the answer and cascade routing: The router has no answer head\./m],
    ['answers', /^Cascade on the answer and cascade routing: The traffic has no answers that can be read\./m],
    ['the words of answers', /^Cascade on the answer and cascade routing: .* they were not kept\./m],
  ])('is said where it is %s, and the others are measured', async (kept, said) => {
    const ways = await waysOf(traffic, { kept });
    expect(waysNotes(ways).join('\n')).toMatch(said);
    expect(ways.ways.map(({ curve }) => curve.length > 0)).toEqual([true, true, false, false]);
  });

  it('is said where few prompts have the answers of all', async () => {
    const places = traffic.answers!.places.map((place, cell) =>
      cell % 3 === 1 && cell > 40 ? Number.NaN : place,
    );
    const ways = await waysOf({ ...traffic, answers: { ...traffic.answers!, places } });
    expect(waysNotes(ways).join('\n')).toContain(
      'Answers of all of clerk, student, master are there for 0 of 300 test prompts, and 50 are the fewest.',
    );
  });

  it('is said where of each prompt only the answer that was served is known, and ways by the prompt are estimated', async () => {
    const served = {
      ...traffic,
      quality: traffic.quality.map((each, cell) =>
        cell % 3 === Math.floor(cell / 3) % 3 ? each : Number.NaN,
      ),
    };
    const ways = await waysOf(served, { isLogged: true });
    expect(ways.isEstimated).toBe(true);
    expect(ways.ways.map(({ curve }) => curve.length > 0)).toEqual([true, true, false, false]);
    expect(ways.ways.every(({ savings }) => savings.length === 0)).toBe(true);
    expect(waysNotes(ways).join('\n')).toMatch(
      /^Cascade on the answer and cascade routing: Of each prompt the log has one answer, or few: .* no estimate is made\. Collect answers of clerk, student, master/,
    );
  });

  it('is said where nobody is cheaper than the best single candidate', async () => {
    const costUsd = traffic.costUsd.map((cost, cell) => (cell % 3 === 1 ? cost / 1e4 : cost));
    const { missing, ways } = await waysOf({ ...traffic, costUsd });
    expect(ways).toEqual([]);
    expect(missing).toBe(
      'master is the best single candidate in training, and of those that can be compared none is cheaper: there is nobody to ask before it.',
    );
  });
});
