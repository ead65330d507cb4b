import fc from 'fast-check';
import { type Limits, NoCandidateError } from 'pointsman';
import type { PolicyCandidate, PolicyOverrides, RequestNeeds } from 'pointsman/internal';
import { describe, expect, it, test } from 'vitest';
import { createLimitFilter, mergeLimits } from '../../../src/policy/limit-filter.ts';
import type { Remaining } from '../../../src/policy/policy.ts';
import type { RelaxableLimit } from '../../../src/policy/spec.ts';
import { policyContext } from './policy-context.ts';

/** What a candidate is, and what is expected of it for the request. */
interface Case extends Partial<Omit<PolicyCandidate, 'name'>> {
  readonly success?: number;
  readonly costUsd?: number;
  readonly latencyMs?: number;
}

interface Asked {
  readonly limits?: Limits;
  readonly relax?: readonly RelaxableLimit[];
  readonly needs?: Partial<RequestNeeds>;
  readonly overrides?: PolicyOverrides;
}

const NAMES = ['a', 'b', 'c', 'd'];

function filterOf(cases: readonly Case[], { limits, relax, needs = {}, overrides }: Asked): Remaining {
  const candidates = cases.map(({ success, costUsd, latencyMs, ...more }, c) => ({
    name: NAMES[c],
    meanCostUsd: null,
    meanLatencyMs: null,
    ...more,
  }));
  const numbers = (of: (one: Case) => number) => Float64Array.from(cases, of);
  const predictions = {
    choice: numbers(() => 1 / cases.length),
    success: numbers(({ success = 0.5 }) => success),
    costUsd: numbers(({ costUsd = 1 }) => costUsd),
    latencyMs: numbers(({ latencyMs = 100 }) => latencyMs),
  };
  const filter = createLimitFilter(candidates, limits, relax);
  return filter(policyContext({ predictions, needs, ...(overrides && { overrides }) }));
}

const named = (some: readonly number[]): string => some.map((c) => NAMES[c]).join('');

describe('by how much limits are broken is summed, each relative to its bound', () => {
  it.each<[string, readonly Case[], Asked, string, string]>([
    [
      'a cost twice its bound is nearer than a latency three times its own',
      [
        { costUsd: 1, latencyMs: 300 },
        { costUsd: 2, latencyMs: 100 },
      ],
      { limits: { maxCostUsd: 0.9, maxLatencyMs: 90 }, relax: ['maxLatencyMs', 'maxCostUsd'] },
      'b',
      'a',
    ],
    [
      'two bounds broken by little are nearer than one broken by more than both',
      [
        { costUsd: 1.2, latencyMs: 120 },
        { costUsd: 1.1, latencyMs: 150 },
      ],
      { limits: { maxCostUsd: 1, maxLatencyMs: 100 } },
      'a',
      'b',
    ],
    [
      'and one broken by less than both is nearer still',
      [
        { costUsd: 1.2, latencyMs: 120 },
        { costUsd: 1.1, latencyMs: 125 },
      ],
      { limits: { maxCostUsd: 1, maxLatencyMs: 100 } },
      'b',
      'a',
    ],
    [
      'what success lacks is a share of the bound',
      [
        { success: 0.4, costUsd: 1.4 },
        { success: 0.2, costUsd: 1.1 },
      ],
      { limits: { minSuccessProbability: 0.8, maxCostUsd: 1 } },
      // 0.5 + 0.4 against 0.75 + 0.1.
      'b',
      'a',
    ],
    [
      'what success lacks weighs more the lower the bound',
      [
        { success: 0.2, costUsd: 1.3 },
        { success: 0.1, costUsd: 1.1 },
      ],
      { limits: { minSuccessProbability: 0.4, maxCostUsd: 1 } },
      // 0.5 + 0.3 against 0.75 + 0.1.
      'a',
      'b',
    ],
    [
      'what is within its bound counts nothing, not even in favour',
      [
        { costUsd: 0.1, latencyMs: 130 },
        { costUsd: 0.9, latencyMs: 120 },
      ],
      { limits: { maxCostUsd: 1, maxLatencyMs: 100 } },
      'b',
      'a',
    ],
    [
      'of a bound of 0 the amount itself counts',
      [
        { costUsd: 0.5, latencyMs: 140 },
        { costUsd: 0.3, latencyMs: 150 },
        { costUsd: 0.3, latencyMs: 155 },
      ],
      { limits: { maxCostUsd: 0, maxLatencyMs: 100 } },
      'b',
      'ca',
    ],
    [
      'equals but for rounding are as near, and the rest follows by how near it is, then as listed',
      [{ costUsd: 2 }, { costUsd: 1.1 }, { costUsd: 1.1 + 1e-12 }, { costUsd: 2 }],
      { limits: { maxCostUsd: 1 } },
      'bc',
      'ad',
    ],
    [
      'what differs by more than rounding is not as near',
      [{ costUsd: 1.1 + 1e-6 }, { costUsd: 1.1 }],
      { limits: { maxCostUsd: 1 } },
      'b',
      'a',
    ],
    [
      'an amount that is not known is the farthest',
      [{ costUsd: Number.NaN }, { costUsd: 90 }],
      { limits: { maxCostUsd: 1 } },
      'b',
      'a',
    ],
    [
      'what it cannot do counts before what is wished, and is no reserve',
      [
        { supportsTools: false, costUsd: 1.1 },
        { costUsd: 50 },
        { costUsd: 60 },
        { supportsTools: false, costUsd: 1.1 },
      ],
      { limits: { maxCostUsd: 1 }, relax: ['maxCostUsd', 'tools'], needs: { tools: true } },
      'b',
      'c',
    ],
    [
      'a modality that is not read counts 1 as tools do, each by itself',
      [{ supportsTools: false }, { modalities: ['text'] }, { modalities: ['text'], supportsTools: false }],
      {
        limits: { deny: [], maxCostUsd: 0.5 },
        relax: ['tools', 'modalities', 'maxCostUsd'],
        needs: { tools: true, modalities: ['text', 'audio', 'image'] },
      },
      // Two modalities and the tools, two modalities, and the same as the first.
      'b',
      '',
    ],
    [
      'half, where a part of it is read',
      [{ modalities: ['text'] }, { modalities: ['text', 'image'] }, { modalities: ['text', 'audio'] }],
      { needs: { modalities: ['text', 'document'] } },
      'b',
      '',
    ],
    [
      'two halves are as much as one whole',
      [{ modalities: ['text', 'image'] }, { modalities: ['text', 'image', 'document', 'audio'] }],
      { needs: { modalities: ['text', 'document', 'video', 'audio'] } },
      // 0.5 + 0.5 + 1 against 0.5.
      'b',
      '',
    ],
    [
      'tokens that do not fit count as a share of the window',
      [{ contextWindowTokens: 1000 }, { contextWindowTokens: 1500 }, { contextWindowTokens: 500 }],
      { needs: { tokens: 3000 } },
      'b',
      '',
    ],
    [
      'a window that is twice too small is nearer than tools and a modality that are missing',
      [
        { contextWindowTokens: 1000 },
        { contextWindowTokens: 4000, supportsTools: false, modalities: ['text'] },
      ],
      {
        needs: { tokens: 2500, tools: true, modalities: ['text', 'image'] },
        relax: ['contextWindow', 'tools', 'modalities'],
      },
      // 1.5 and the picture that no one reads: 2.5 against 2.
      'b',
      '',
    ],
  ])('%s', (_, cases, asked, left, reserve) => {
    const remaining = filterOf(cases, asked);
    expect(named(remaining.left)).toBe(left);
    expect(named(remaining.reserve)).toBe(reserve);
    expect(remaining.note).toContain('gave way');
  });

  test('as another sums it up: whoever is left has the least, of all that the relaxed limits let through', () => {
    const amount = fc.integer({ min: 1, max: 40 }).map((tenths) => tenths / 10);
    const one = fc.record({ costUsd: amount, latencyMs: amount, success: amount.map((x) => x / 40) });
    fc.assert(
      fc.property(fc.array(one, { minLength: 1, maxLength: 4 }), amount, amount, (cases, cost, latency) => {
        const limits = { maxCostUsd: cost, maxLatencyMs: latency, minSuccessProbability: 1 };
        const { left, note, removed } = filterOf(cases, { limits });
        if (note === undefined) return;
        const gave = (limit: string) => note.includes(limit);
        const over = (value: number, bound: number) => Math.max(0, value / bound - 1);
        const sums = cases.map(({ costUsd, latencyMs, success }) => {
          if (!gave('maxCostUsd') && costUsd > cost) return Infinity;
          if (!gave('maxLatencyMs') && latencyMs > latency) return Infinity;
          return 1 - success + over(costUsd, cost) + over(latencyMs, latency);
        });
        const least = Math.min(...sums);
        expect([...left]).toEqual([...sums.keys()].filter((c) => sums[c] <= least + 1e-9));
        for (const [c, reason] of removed.entries()) expect(reason === undefined).toBe(left.includes(c));
      }),
    );
  });
});

describe('which limits give way', () => {
  it('as few as it takes, in order; one before that turns out not to matter stays in force', () => {
    const cases = [
      { costUsd: 2, latencyMs: 50 },
      { costUsd: 2, latencyMs: 50, success: 0.2 },
    ];
    const limits = { maxCostUsd: 1, maxLatencyMs: 100, minSuccessProbability: 0.4 };
    const relax = ['minSuccessProbability', 'maxLatencyMs', 'maxCostUsd'] as const;
    const { left, note, removed, reserve } = filterOf(cases, { limits, relax });
    expect(note).toBe('No candidate met every limit, so maxCostUsd gave way.');
    expect(named(left)).toBe('a');
    // Removed by what did not give way: no reserve, and nothing of who comes closer.
    expect(removed[1]).toBe('success probability 0.200 is under 0.4');
    expect(reserve).toEqual([]);
  });

  it("two of three, where the first is in nobody's way", () => {
    const cases = [
      { costUsd: 2, latencyMs: 150 },
      { costUsd: 2, latencyMs: 150, success: 0.2 },
    ];
    const limits = { maxCostUsd: 1, maxLatencyMs: 100, minSuccessProbability: 0.4 };
    const { left, note } = filterOf(cases, { limits });
    expect(note).toBe('No candidate met every limit, so maxLatencyMs, maxCostUsd gave way.');
    expect(named(left)).toBe('a');
  });

  it('none where somebody meets all: no note and no reserve, and a bound that is just met is met', () => {
    const cases = [
      { costUsd: 1, latencyMs: 100, success: 0.5, contextWindowTokens: 10 },
      { costUsd: 1.01, latencyMs: 100 },
      { costUsd: 1, latencyMs: 101 },
      { costUsd: 1, latencyMs: 100, success: 0.49 },
    ];
    const limits = { maxCostUsd: 1, maxLatencyMs: 100, minSuccessProbability: 0.5 };
    const { left, removed, reserve, note } = filterOf(cases, { limits });
    expect([named(left), named(reserve), note]).toEqual(['a', '', undefined]);
    expect(removed).toEqual([
      undefined,
      'expected cost 1.01 US dollars is over 1 US dollars',
      'expected latency 101 ms is over 100 ms',
      'success probability 0.490 is under 0.5',
    ]);
    const fits = filterOf(cases, { needs: { tokens: 11 } });
    expect(named(fits.left)).toBe('bcd');
    expect(fits.removed[0]).toBe('about 11 tokens do not fit its context window of 10');
  });

  it('all are left where no limit is broken, with nobody removed', () => {
    const { left, removed, reserve, note, onlyBound } = filterOf([{}, {}], { limits: { maxCostUsd: 1 } });
    expect([left, removed, reserve, note]).toEqual([[0, 1], [undefined, undefined], [], undefined]);
    expect(onlyBound(0)).toBeUndefined();
  });

  it('no reason names a limit that is not broken', () => {
    const { removed } = filterOf(
      [
        { modalities: ['text'], supportsTools: false, latencyMs: 500, costUsd: 4 },
        { modalities: ['text', 'image', 'audio'] },
      ],
      {
        limits: { deny: ['a'], allow: ['b'], maxLatencyMs: 100, maxCostUsd: 3 },
        needs: { tools: true, modalities: ['text', 'image', 'audio'] },
      },
    );
    expect(removed).toEqual([
      'not in `allow`, in `deny`, expected latency 500 ms is over 100 ms, expected cost 4.00 US dollars is over 3 US dollars, ' +
        'it cannot call tools, it does not read image and audio',
      undefined,
    ]);
  });
});

describe('a bound alone to blame', () => {
  const limits = { maxCostUsd: 1, maxLatencyMs: 100, minSuccessProbability: 0.5 };
  it.each<[string, Case, object | undefined]>([
    ['cost', { costUsd: 3 }, { limit: 'maxCostUsd', from: 1, to: 3 }],
    ['latency', { latencyMs: 300 }, { limit: 'maxLatencyMs', from: 100, to: 300 }],
    ['success', { success: 0.25 }, { limit: 'minSuccessProbability', from: 0.5, to: 0.25 }],
    ['none of two', { costUsd: 3, latencyMs: 300 }, undefined],
    ['none beside what it cannot do', { costUsd: 3, supportsTools: false }, undefined],
    ['none where it is left', {}, undefined],
  ])('%s', (_, one, bound) => {
    const { onlyBound } = filterOf([one, {}, { success: 0 }], { limits, needs: { tools: true } });
    expect(onlyBound(0)).toEqual(bound);
  });

  it('what gave way is not to blame', () => {
    const cases = [
      { costUsd: 3, latencyMs: 300 },
      { costUsd: 3, latencyMs: 100 },
    ];
    const { onlyBound, left } = filterOf(cases, { limits, relax: ['maxCostUsd'] });
    expect(named(left)).toBe('b');
    expect(onlyBound(0)).toEqual({ limit: 'maxLatencyMs', from: 100, to: 300 });
    expect(onlyBound(1)).toBeUndefined();
  });
});

describe('when nobody is left, the error names the nearest', () => {
  const nearest = (cases: readonly Case[], asked: Asked) => {
    try {
      filterOf(cases, asked);
    } catch (error) {
      if (error instanceof NoCandidateError) return error.nearest;
      throw error;
    }
    throw new Error('somebody is left');
  };

  it('by the same measure, with each limit that it breaks, in the order in which they would give way', () => {
    const cases = [
      { costUsd: 1.5, latencyMs: 150 },
      { costUsd: 1.4, latencyMs: 110, success: 0.45 },
      { costUsd: 1.1, latencyMs: 290 },
    ];
    const limits = { maxCostUsd: 1, maxLatencyMs: 100, minSuccessProbability: 0.5 };
    expect(nearest(cases, { limits, relax: [] })).toEqual({
      candidate: 'b',
      limits: ['minSuccessProbability', 'maxLatencyMs', 'maxCostUsd'],
    });
    expect(nearest([cases[0], cases[2]], { limits, overrides: { strict: true } })).toEqual({
      candidate: 'a',
      limits: ['maxLatencyMs', 'maxCostUsd'],
    });
  });

  it('among those that loosening a bound would bring back', () => {
    const cases = [{ costUsd: 1.1 }, { costUsd: 1.1, retired: true }, { costUsd: 1.1 }, { costUsd: 9 }];
    const limits = { maxCostUsd: 1, deny: ['a'] };
    const overrides = { strict: true, callable: ['a', 'b', 'd'] };
    expect(nearest(cases, { limits, overrides })).toEqual({ candidate: 'd', limits: ['maxCostUsd'] });
    expect(nearest(cases, { limits: { allow: ['b', 'c'] }, overrides })).toBeNull();
  });
});

describe('limits of two', () => {
  it('those of a policy and of a request: who both allow and neither denies, within the tighter bound', () => {
    const limits = { allow: ['a', 'b', 'c'], deny: ['b'], maxCostUsd: 2 };
    const left = (asked: Limits) =>
      named(filterOf([{}, {}, { costUsd: 1.5 }, {}], { limits, overrides: { limits: asked } }).left);
    expect(left({})).toBe('ac');
    expect(left({ allow: ['a', 'b', 'd'] })).toBe('a');
    expect(left({ deny: ['a'] })).toBe('c');
    expect(left({ maxCostUsd: 1 })).toBe('a');
    expect(left({ maxCostUsd: 3 })).toBe('ac');
  });

  it('one inside another merge to what both say', () => {
    const outer = {
      allow: ['a', 'b'],
      deny: ['x'],
      maxCostUsd: 2,
      maxLatencyMs: 50,
      minSuccessProbability: 0.3,
    };
    const inner = {
      allow: ['b', 'c'],
      deny: ['y'],
      maxCostUsd: 1,
      maxLatencyMs: 80,
      minSuccessProbability: 0.2,
    };
    expect(mergeLimits(outer, inner)).toEqual({
      allow: ['b'],
      deny: ['x', 'y'],
      maxCostUsd: 1,
      maxLatencyMs: 50,
      minSuccessProbability: 0.3,
    });
    expect(mergeLimits(inner, {})).toEqual(inner);
    expect(mergeLimits({}, inner)).toEqual(inner);
    expect(mergeLimits({ maxCostUsd: 1 }, { maxLatencyMs: 2 })).toEqual({
      deny: [],
      maxCostUsd: 1,
      maxLatencyMs: 2,
    });
    expect(mergeLimits(undefined, inner)).toBe(inner);
    expect(mergeLimits(outer, undefined)).toBe(outer);
    expect(mergeLimits(undefined, undefined)).toEqual({});
  });
});
