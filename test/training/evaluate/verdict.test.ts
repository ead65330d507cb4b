import { describe, expect, it } from 'vitest';
import type { Coverage } from '../../../training/evaluate/evaluation.ts';
import { sayVerdict, unmeasuredSentence, type VerdictFacts } from '../../../training/evaluate/verdict.ts';
import type { Interval } from '../../../training/words.ts';

const interval = (estimate: number, margin: number, rows = 500): Interval => ({
  estimate,
  low: estimate - margin,
  high: estimate + margin,
  rows,
  groups: rows,
});
const costs = (own: number | null, other: number | null, margin = 0) => ({
  own,
  other,
  saving: own === null || other === null ? null : interval(other - own, margin),
});

/** A difference of each standing. */
const QUALITY = {
  better: interval(0.1, 0.05),
  worse: interval(-0.247, 0.05),
  'as good': interval(-0.004, 0.02),
  unclear: interval(-0.01, 0.09),
  'too few': interval(0.1, 0.05, 12),
  unknown: null,
};
/** The router's cost and the other's, of each standing. */
const COSTS = {
  cheaper: costs(0.00094, 0.0067),
  dearer: costs(0.01, 0.0067),
  same: costs(0.0067, 0.0067),
  unclear: costs(0.005, 0.0067, 0.003),
  unknown: costs(null, null),
  free: costs(0, 0),
};

const facts = (rest: Partial<VerdictFacts>): VerdictFacts => ({
  rows: 500,
  rowsLeftOut: 0,
  bestSingle: 'big-pro',
  onlyChoice: null,
  quality: QUALITY['as good'],
  costs: COSTS.cheaper,
  mix: null,
  isEstimated: false,
  ...rest,
});

const keys = <Key extends string>(table: Record<Key, unknown>) => Object.keys(table) as Key[];

describe('the sentence of the verdict', () => {
  it('says it as a user would: as good as the best single candidate, at a seventh of the cost', () => {
    const mix = { quality: QUALITY.better, costs: COSTS.same };
    expect(sayVerdict(facts({ mix }))).toEqual({
      outcome: 'better',
      sentence:
        'This router is better than no router: on 500 test prompts it is as good as always using big-pro, the best single ' +
        'candidate in training, to within 3 points (−0.40 points, 95 % interval −2.4 to +1.6), at 14 % of the cost, which ' +
        'saves $5.76 per 1,000 requests, and it is 10.0 points better than the best fixed mix of candidates at equal cost ' +
        '(95 % interval +5.0 to +15.0).',
    });
  });

  it.each([
    [
      'the best single candidate',
      { onlyChoice: 'big-pro', quality: interval(0, 0), costs: COSTS.same },
      'same',
      'This router is no different from no router: it chose big-pro, the best single candidate in training, for all 500 test prompts.',
    ],
    [
      'another one, much cheaper',
      { onlyChoice: 'tiny', quality: QUALITY.worse },
      'same',
      'This router is no different from no router: it chose tiny for all 500 test prompts. That is 24.7 points worse than ' +
        'always using big-pro, the best single candidate in training (95 % interval −29.7 to −19.7), at 14 % of the cost, ' +
        'which saves $5.76 per 1,000 requests.',
    ],
    [
      'another one, dearer',
      { onlyChoice: 'tiny', quality: QUALITY.worse, costs: COSTS.dearer },
      'worse',
      'This router is no different from no router: it chose tiny for all 500 test prompts. That is 24.7 points worse than ' +
        'always using big-pro, the best single candidate in training (95 % interval −29.7 to −19.7), at 1.49 times the cost, ' +
        '$3.30 more per 1,000 requests.',
    ],
    [
      'another one that turns out better',
      { onlyChoice: 'tiny', quality: QUALITY.better, costs: COSTS.unknown, rowsLeftOut: 3 },
      'same',
      'This router is no different from no router: it chose tiny for each of the 500 test prompts that could be compared. That ' +
        'is 10.0 points better than always using big-pro, the best single candidate in training (95 % interval +5.0 to +15.0).',
    ],
    [
      'another one, in a log of single answers',
      { onlyChoice: 'tiny', quality: QUALITY.unclear, costs: COSTS.same, isEstimated: true, rows: 1 },
      'same',
      'This router is no different from no router: it chose tiny for the one test prompt. That, by doubly robust estimation ' +
        'from a log that holds a part of their outcomes, is not clearly better or worse than always using big-pro, the best ' +
        'single candidate in training (−1.0 points, 95 % interval −10.0 to +8.0: too wide to call it as good), at the same cost.',
    ],
  ] as const)('says who was chosen for all: %s', (_, some, outcome, sentence) => {
    expect(sayVerdict(facts(some))).toEqual({ outcome, sentence });
  });

  const cases = keys(QUALITY).flatMap((quality) =>
    keys(COSTS).flatMap((cost) => [
      { quality, cost, mix: null, mixCost: null },
      ...keys(QUALITY).flatMap((mix) =>
        (['cheaper', 'dearer', 'same', 'unclear'] as const).map((mixCost) => ({
          quality,
          cost,
          mix,
          mixCost,
        })),
      ),
    ]),
  );

  it(`claims nothing that its figures do not carry, in any of ${cases.length} cases`, () => {
    for (const { quality, cost, mix, mixCost } of cases) {
      const { outcome, sentence } = sayVerdict(
        facts({
          quality: QUALITY[quality],
          costs: COSTS[cost],
          mix: mix === null ? null : { quality: QUALITY[mix], costs: COSTS[mixCost] },
        }),
      );
      const [opening] = sentence.split(':');
      const told = `${quality}, ${cost}, mix ${mix} ${mixCost}: ${sentence}`;
      // A mix that costs more is no rival where the router is as good, and does not make it worse for what it costs.
      const dearer = { 'as good': null, worse: 'unclear' } as Record<string, string | null>;
      const rival = mix !== null && mixCost === 'cheaper' && mix in dearer ? dearer[mix] : mix;
      const holds: Record<string, boolean> = {
        'This router is better than no router':
          (quality === 'better' || (quality === 'as good' && cost === 'cheaper')) &&
          (rival === null || rival === 'better') &&
          cost !== 'unknown',
        'In quality, this router is better than no router': quality === 'better' && cost === 'unknown',
        'For what it costs, this router is better than no router': rival === 'better',
        'This router is worse than no router':
          quality === 'worse' && (['dearer', 'same', 'free'].includes(cost) || rival === 'worse'),
        'In quality, this router is worse than no router': quality === 'worse' && cost === 'unknown',
        'For what it costs, this router is worse than no router': rival === 'worse',
        'It is not clear that this router is better than no router':
          !(quality === 'better' && rival === null) && rival !== 'better' && rival !== 'worse',
      };
      expect(holds[opening], told).toBe(true);
      const named = /better/.test(opening) ? 'better' : 'worse';
      expect(outcome, told).toBe(/not clear/.test(opening) ? 'unclear' : named);
      // What the sentence opens with, it does not take back.
      if (opening === 'This router is better than no router')
        expect(sentence, told).not.toMatch(/not clearly better|points worse/);
      expect(sentence, told).not.toMatch(/NaN|null|undefined|, ,|\.\./);
      expect(sentence.endsWith('.'), told).toBe(true);
      const saysCost = /(of|times|same) the cost|the same cost|neither costs anything/.test(sentence);
      expect(saysCost, told).toBe(cost !== 'unknown');
    }
  });
});

it('says why nothing could be compared, for the reason that holds', () => {
  const coverage = (rest: Partial<Coverage>): Coverage => ({
    kind: 'partial',
    observedShare: 0.5,
    comparedRows: 0,
    incompleteRows: 10,
    unmeasuredChoices: 0,
    notCompared: [],
    imputedCosts: 0,
    costsKnown: false,
    costsUnknown: [],
    ...rest,
  });
  const candidates = ['a', 'b', 'c'];
  expect(unmeasuredSentence(coverage({ kind: 'none' }), candidates)).toContain(
    'no test prompt has a quality score',
  );
  expect(unmeasuredSentence(coverage({ kind: 'single' }), candidates)).toContain('one candidate per prompt');
  expect(unmeasuredSentence(coverage({ notCompared: ['a', 'b'] }), candidates)).toContain(
    'no two candidates',
  );
  expect(unmeasuredSentence(coverage({ notCompared: ['c'], unmeasuredChoices: 7 }), candidates)).toMatch(
    /on each of the 7 test prompts .* the router chose one with too few outcomes \(c\)/,
  );
  expect(unmeasuredSentence(coverage({}), candidates)).toContain('every candidate that is to be compared');
});
