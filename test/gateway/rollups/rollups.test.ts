import { join } from 'node:path';
import fc from 'fast-check';
import type { Decision } from 'pointsman';
import { afterEach, describe, expect, it } from 'vitest';
import { Cell } from '../../../gateway/rollups/cell.ts';
import {
  type EndedRequest,
  objectionToQuery,
  openRollups,
  type RollupQuery,
  type Rollups,
} from '../../../gateway/rollups/open-rollups.ts';
import { RollupFile, STEPS } from '../../../gateway/rollups/rollup-file.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const { folder } = temporaryFolder();
const MINUTE = 60_000;
const DAY = 86_400_000;
const START = Date.parse('2026-11-29T10:00:00Z');

const open: Rollups[] = [];
afterEach(async () => {
  for (const rollups of open.splice(0)) await rollups.close();
});
let paths = 0;
const newPath = () => join(folder, `${paths++}.db`);

/** At a time that the test sets, and written when it is asked. */
function atTime(path: string, at: { now: number }): Rollups {
  const rollups = openRollups({ path, clock: () => at.now, writeEveryMs: 1e6, onError: fail });
  open.push(rollups);
  return rollups;
}

function fail(error: unknown): never {
  throw error;
}

function decisionFor(candidate: string, more: Partial<Decision> = {}): Decision {
  const others = ['small', 'large'].filter((name) => name !== candidate);
  return {
    candidate,
    artifactId: 'v1',
    propensity: 1,
    predictions: [candidate, ...others].map((name) => ({
      candidate: name,
      successProbability: name === 'large' ? 0.9 : 0.6,
      expectedCostUsd: name === 'large' ? 0.01 : 0.001,
      expectedLatencyMs: null,
      utility: 0,
    })),
    signals: {},
    ...more,
  } as unknown as Decision;
}

function ended(more: Partial<EndedRequest> = {}): EndedRequest {
  const candidate = more.candidate === undefined ? 'small' : more.candidate;
  return {
    router: 'support',
    keyId: null,
    decision: decisionFor(candidate ?? 'small'),
    state: 'answered',
    code: null,
    candidate,
    attempts: [],
    latencyMs: 100,
    firstByteMs: null,
    overheadMs: 0.4,
    isDegraded: false,
    cachedInputTokens: 0,
    ...more,
  };
}

const query = (more: Partial<RollupQuery>): RollupQuery => ({
  by: 'day',
  from: START - DAY,
  to: START + 40 * DAY,
  group: [],
  only: {},
  ...more,
});

const anAttempt = (candidate: string, costUsd: number | null, more = {}) =>
  ({ candidate, costUsd, state: 'answered', retry: 0, inputTokens: 100, outputTokens: 10, ...more }) as never;

describe('rollups', () => {
  it('add up to what happened by every step, over restarts, whatever comes and when', async () => {
    const happening = fc.record({
      wait: fc.integer({ min: 0, max: 90 * MINUTE }),
      router: fc.constantFrom('a', 'b'),
      task: fc.constantFrom(undefined, 'code', 'chat'),
      keyId: fc.constantFrom(null, 'k1', 'k2'),
      candidate: fc.constantFrom('small', 'large'),
      latencyMs: fc.double({ min: 0.5, max: 1e5, noNaN: true }),
      isRestart: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { minLength: 1, maxLength: 40 }), async (happenings) => {
        const at = { now: START };
        const path = newPath();
        let rollups = openRollups({ path, clock: () => at.now, writeEveryMs: 1e6, onError: fail });
        try {
          for (const { candidate, isRestart, keyId, latencyMs, router, task, wait } of happenings) {
            at.now += wait;
            const signals = task === undefined ? {} : { task };
            const decision = decisionFor(candidate, { signals });
            rollups.ended(ended({ router, keyId, candidate, decision, latencyMs }));
            if (!isRestart) continue;
            await rollups.close();
            rollups = openRollups({ path, clock: () => at.now, writeEveryMs: 1e6, onError: fail });
          }
          const all = await rollups.read(query({ by: 'all' }));
          expect(all.rows[0].requests).toBe(happenings.length);
          const sorted = happenings.map(({ latencyMs }) => latencyMs).sort((a, b) => a - b);
          const { count, max, min, p50 } = all.rows[0].latencyMs as never as Record<string, number>;
          expect([count, min, max]).toEqual([sorted.length, sorted[0], sorted.at(-1)]);
          const median = sorted[Math.floor((sorted.length - 1) / 2)];
          expect(Math.abs(p50 - median)).toBeLessThanOrEqual(0.0101 * median);
          for (const by of ['hour', 'day'] as const)
            for (const label of ['router', 'candidate', 'task', 'key'] as const) {
              const { rows } = await rollups.read(
                query({ by, group: [label], to: by === 'day' ? at.now + DAY : at.now + MINUTE, from: START }),
              );
              const counted = new Map<string, number>();
              for (const row of rows)
                counted.set(row[label] as string, (counted.get(row[label] as string) ?? 0) + row.requests);
              const names = happenings.map(
                (one) =>
                  (label === 'key' ? one.keyId : one[label as 'router' | 'candidate' | 'task']) ?? 'none',
              );
              for (const name of new Set(names))
                expect(counted.get(name)).toBe(names.filter((other) => other === name).length);
            }
        } finally {
          await rollups.close();
        }
      }),
      { numRuns: 15 },
    );
  });

  it('count costs, attempts, fallbacks, errors, exploration and ratings under their labels', async () => {
    const at = { now: START };
    const rollups = atTime(':memory:', at);
    rollups.ended(
      ended({
        candidate: 'large',
        decision: decisionFor('small', { propensity: 0.1, propensities: { small: 0.1, large: 0.9 } }),
        attempts: [
          anAttempt('small', 0.002, { state: 'failed' }),
          anAttempt('small', 0.002, { state: 'failed', retry: 1 }),
          anAttempt('large', 0.01),
        ],
        isDegraded: true,
        cachedInputTokens: 64,
        firstByteMs: 40,
      }),
    );
    rollups.ended(
      ended({ candidate: null, state: 'failed', code: 'deadline', attempts: [anAttempt('small', null)] }),
    );
    rollups.ended(
      ended({ candidate: null, decision: undefined, router: null, keyId: null, state: 'refused', code: 'x' }),
    );
    const answer = {
      router: 'support',
      version: 'v1',
      candidate: 'large',
      keyId: 'k',
      unit: null,
      task: null,
    };
    rollups.rated({ ...answer, predicted: 0.95, propensity: 0.5 }, 1);
    rollups.rated({ ...answer, predicted: null, propensity: null }, 0.5);
    rollups.shadowed({
      router: 'support',
      keyId: null,
      decision: decisionFor('small'),
      candidate: 'large',
      isAnswered: true,
      costUsd: 0.02,
      judgeCostUsd: 0.03,
      preference: 0.5,
    });
    const { rows } = await rollups.read(query({ group: ['candidate', 'router'] }));
    expect(rows.map(({ candidate, requests, router }) => [router, candidate, requests])).toEqual([
      ['none', 'none', 1],
      ['support', 'large', 1],
      ['support', 'small', 1],
    ]);
    const [refused, large, small] = rows;
    expect(refused).toMatchObject({
      refused: 1,
      errors: { x: 1 },
      latencyMs: null,
      decided: { decisions: 0 },
    });
    expect(large).toMatchObject({
      answered: 1,
      degraded: 1,
      fallbacks: 1,
      attempts: 3,
      retries: 1,
      inputTokens: 300,
      cachedInputTokens: 64,
      unknownCosts: 0,
      decided: { decisions: 0 },
      considered: { decisions: 2, quality: 1.8, costUsd: 0.02, unknownCosts: 0 },
      shadow: { answers: 1, failed: 0, costUsd: 0.02, judgeCostUsd: 0.03, preferred: 0.5, judged: 1 },
      ratings: { count: 2, rated: 1.5, ratedSquared: 1.25, predicted: 0.95 },
    });
    expect(large.costUsd).toBeCloseTo(0.014, 12);
    expect(large.unusedCostUsd).toBeCloseTo(0.004, 12);
    expect(large.firstByteMs?.p50).toBe(40);
    expect(large.ratings.bins).toEqual([{ from: 0.9, count: 1, predicted: 0.95, rated: 1 }]);
    expect(large.propensity.weightedRating).toBe(2);
    expect(small).toMatchObject({
      failed: 1,
      unknownCosts: 1,
      errors: { deadline: 1 },
      latencyMs: null,
      decided: { decisions: 2, quality: 1.2 },
      propensity: { explored: 1, inverse: 11 },
    });
    expect(small.propensity.exploredCostUsd).toBeCloseTo(-0.009, 12);
  });

  it('are in the file before it is closed, so that a process that is killed loses what came since', async () => {
    const path = newPath();
    const at = { now: START };
    const first = atTime(path, at);
    first.ended(ended());
    await first.read(query({}));
    first.ended(ended());
    const second = atTime(path, at);
    expect((await second.read(query({}))).rows[0].requests).toBe(1);
  });

  it('of two gateways that share a file add up, and are counted once', async () => {
    const path = newPath();
    const at = { now: START };
    const [first, second] = [atTime(path, at), atTime(path, at)];
    for (let minute = 0; minute < 5; minute++) {
      for (const rollups of [first, second]) rollups.ended(ended());
      at.now += MINUTE;
    }
    for (const by of ['minute', 'hour', 'day', 'all'] as const) {
      await first.read(query({ by, to: at.now, from: START }));
      const { rows } = await second.read(query({ by, to: at.now, from: START }));
      expect(rows.reduce((sum, { requests }) => sum + requests, 0)).toBe(10);
    }
  });

  it('keep a month and the years in so many rows, and no more', async () => {
    const file = new RollupFile(newPath(), fail);
    const start = START / 1000;
    const cells = () => {
      const cell = new Cell();
      cell.add('answered');
      return [{ cube: 0, labels: ['a', 'v', 'c', 't'], cell }] as const;
    };
    const rowsOf = async (step: 'minute' | 'hour' | 'day') => {
      let rows = 0;
      let answered = 0;
      for await (const { cell } of file.read(step, 0, 1e11, 0)) {
        rows++;
        answered += cell.row('', {}).answered;
      }
      return [rows, answered];
    };
    let now = start;
    for (let half = 0; half < 40 * 48; half++) {
      file.write(now, cells());
      now += 30 * 60;
      if (half % 12 === 11) await file.fold(now);
    }
    expect(await rowsOf('minute')).toEqual([48, 48]);
    expect(await rowsOf('hour')).toEqual([32 * 24, 2 * 32 * 24]);
    expect(await rowsOf('day')).toEqual([41, 40 * 48]);
    await file.fold(start + 3 * 366 * 86_400 + 86_400);
    expect((await rowsOf('day'))[0]).toBe(39);
    await file.close();
  });

  it('tell less apart when there are too many kinds, and lose none', async () => {
    const at = { now: START };
    const rollups = atTime(newPath(), at);
    for (let n = 0; n < 1000; n++)
      rollups.ended(ended({ decision: decisionFor('small', { signals: { task: `task ${n}` } }) }));
    at.now += MINUTE;
    const { rows } = await rollups.read(query({ by: 'minute', from: START, to: at.now, group: ['task'] }));
    expect(rows.length).toBeLessThanOrEqual(STEPS.minute.cells + 2);
    expect(rows.reduce((sum, { requests }) => sum + requests, 0)).toBe(1000);
    // Each task has a cell for both candidates that were looked at.
    expect(rows.find(({ task }) => task === 'other')?.requests).toBe(1000 - STEPS.minute.cells / 2);
  });

  it('tell every candidate apart, however many tasks and versions there are', async () => {
    const names = ['small', 'large'];
    const kind = fc.record({
      candidate: fc.constantFrom(...names),
      task: fc.integer({ min: 0, max: 400 }),
      version: fc.integer({ min: 0, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(kind, { minLength: 500, maxLength: 800 }), async (kinds) => {
        const at = { now: START };
        const rollups = openRollups({
          path: ':memory:',
          clock: () => at.now,
          writeEveryMs: 1e6,
          onError: fail,
        });
        // Tasks of a candidate that came first take no room from one that comes later.
        const inOrder = [...kinds, { candidate: 'late', task: 0, version: 9 }];
        for (const { candidate, task, version } of inOrder)
          rollups.ended(
            ended({
              candidate,
              decision: decisionFor(candidate, { artifactId: `v${version}`, signals: { task: `${task}` } }),
            }),
          );
        at.now += MINUTE;
        for (const by of ['minute', 'hour', 'day'] as const) {
          const { rows } = await rollups.read(query({ by, from: START, to: at.now, group: ['candidate'] }));
          for (const name of [...names, 'late'])
            expect(rows.find(({ candidate }) => candidate === name)?.requests ?? 0).toBe(
              inOrder.filter(({ candidate }) => candidate === name).length,
            );
          expect(rows.some(({ candidate }) => candidate === 'other')).toBe(false);
        }
        await rollups.close();
      }),
      { numRuns: 3 },
    );
  });

  it('tell a task apart with all its requests or not at all, whichever candidates come in which order', async () => {
    const kind = fc.record({
      candidate: fc.integer({ min: 0, max: 7 }),
      task: fc.integer({ min: 0, max: 60 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(kind, { minLength: 600, maxLength: 900 }), async (kinds) => {
        const at = { now: START };
        const rollups = openRollups({
          path: ':memory:',
          clock: () => at.now,
          writeEveryMs: 1e6,
          onError: fail,
        });
        for (const { candidate, task } of kinds) {
          const name = `c${candidate}`;
          rollups.ended(
            ended({ candidate: name, decision: decisionFor(name, { signals: { task: `${task}` } }) }),
          );
        }
        at.now += MINUTE;
        for (const by of ['minute', 'hour', 'day'] as const) {
          const { rows } = await rollups.read(query({ by, from: START, to: at.now, group: ['task'] }));
          const told = rows.filter(({ task }) => task !== 'other');
          for (const { requests, task } of told)
            expect(requests).toBe(kinds.filter((each) => `${each.task}` === task).length);
          expect(told.length).toBeGreaterThan(10);
          expect(rows.reduce((sum, { requests }) => sum + requests, 0)).toBe(kinds.length);
        }
        await rollups.close();
      }),
      { numRuns: 3 },
    );
  });

  it('lose nothing, and stay within their room, where there are more candidates than it holds', async () => {
    const at = { now: START };
    const rollups = atTime(newPath(), at);
    const { cells } = STEPS.minute;
    for (let n = 0; n < 7 * cells; n++)
      rollups.ended(
        ended({ candidate: `c${n}`, decision: decisionFor(`c${n}`, { artifactId: `v${n % 7}` }) }),
      );
    at.now += MINUTE;
    const { rows } = await rollups.read(
      query({ by: 'minute', from: START, to: at.now, group: ['candidate'] }),
    );
    expect(rows.length).toBeLessThanOrEqual(5 * cells + 1);
    expect(rows.reduce((sum, { requests }) => sum + requests, 0)).toBe(7 * cells);
  });

  it('refuse what they cannot say', () => {
    expect(objectionToQuery(query({ from: START, to: START }))).toContain('later than');
    expect(objectionToQuery(query({ group: ['task'], only: { key: 'k' } }))).toContain('counted apart');
    expect(objectionToQuery(query({ by: 'minute' }))).toContain('2000 buckets');
    expect(objectionToQuery(query({}))).toBeNull();
  });
});
