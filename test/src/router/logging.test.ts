import { createRouter, InvalidInputError, type RouterOptions } from 'pointsman';
import type { DecisionRecord } from 'pointsman/internal';
import { createDecisionLog, type DecisionLog, type LogRecord, parseLogRecord } from 'pointsman/log';
import { describe, expect, it } from 'vitest';
import { fakeAsyncEmbedder, fakeEmbedder } from '../../fixtures/fake-embedder.ts';
import { readTinyArtifact } from '../../fixtures/tiny-artifact.ts';

const artifact = await readTinyArtifact();
const request = { text: 'hello' };

/** A log, and every record that was written to it until now. */
function keptLog(options: { embedding?: boolean } = {}) {
  const records: LogRecord[] = [];
  const log = createDecisionLog({
    ...options,
    sink: (batch) => {
      records.push(...batch.map((record) => parseLogRecord(JSON.parse(JSON.stringify(record)))));
    },
  });
  const decisions = async () => {
    await log.flush();
    return records.filter((record): record is DecisionRecord => record.kind === 'decision');
  };
  return { log, records, decisions };
}

function routerWith(options: RouterOptions) {
  return createRouter(artifact, { embedder: fakeEmbedder, ...options });
}

describe('a router with a log', () => {
  it('logs what it decided, whichever way it was asked, under the id of the decision', async () => {
    const { log, decisions } = keptLog();
    const router = routerWith({ log });
    const routed = await router.route(request);
    const embedded = router.routeEmbedding(new Float32Array(8), request);
    expect(router.log).toBe(log);
    expect(new Set([routed.id, embedded.id]).size).toBe(2);
    const logged = await decisions();
    expect(logged.map(({ id }) => id)).toEqual([routed.id, embedded.id]);
    const { candidate, confidence, probabilities, policyPath, artifactId } = routed;
    expect(logged[0]).toMatchObject({
      candidate,
      confidence,
      probabilities,
      policyPath,
      artifactId,
      request,
    });
    expect(logged[0].propensity).toBe(1);
    expect(logged[0].predictions.map((row) => row.candidate)).toEqual(
      routed.predictions.map((row) => row.candidate),
    );
  });

  it('decides as it does without, and gives decisions no id without', async () => {
    const { routerMs: _, ...plain } = await routerWith({}).route(request);
    const { routerMs: __, id, ...logged } = await routerWith({ log: keptLog().log }).route(request);
    expect(logged).toEqual(plain);
    expect(plain).not.toHaveProperty('id');
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
  });

  it.each([
    ['at once', fakeEmbedder],
    ['later', fakeAsyncEmbedder()],
  ])('logs each prompt with its own embedding, when the embedder answers %s', async (_, embedder) => {
    const { log, decisions } = keptLog({ embedding: true });
    const router = routerWith({ log, embedder });
    const texts = Array.from({ length: 20 }, (_, i) => `prompt ${i * i}`);
    await Promise.all(texts.map((text) => router.route({ text })));
    const logged = await decisions();
    expect(logged).toHaveLength(texts.length);
    for (const { request, embedding = [] } of logged) {
      const [expected] = await fakeEmbedder.embed([(request as { text: string }).text]);
      expect(embedding).toHaveLength(8);
      for (const [i, value] of expected.entries()) expect(embedding[i]).toBeCloseTo(value, 6);
    }
  });

  it('logs the probability of every candidate when it explores, exact and summing to 1', async () => {
    const { log, decisions } = keptLog();
    const policy = {
      kind: 'explore',
      method: 'softmax',
      temperature: 0.2,
      policy: { kind: 'utility' },
    } as const;
    const router = routerWith({ log, policy, seed: 3 });
    const limits = { deny: ['m1'] };
    for (let i = 0; i < 50; i++) await router.route({ text: `prompt ${i}` }, { limits });
    const logged = await decisions();
    expect(new Set(logged.map(({ candidate }) => candidate))).toEqual(new Set(['m0', 'm2']));
    for (const { candidate, propensity, propensities = {} } of logged) {
      expect(propensities[candidate]).toBe(propensity);
      expect(propensities.m1).toBe(0);
      expect(Object.values(propensities).reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12);
    }
  });

  it('logs once what it handed over, with the whole way to it', async () => {
    const { log, decisions } = keptLog();
    const other = routerWith({});
    const policy = { kind: 'router', router: 'other' } as const;
    const both = { policy, log };
    await routerWith({ ...both, routers: { other } }).route(request);
    const logging = routerWith({ log });
    const decision = await routerWith({ ...both, routers: { other: logging } }).route(request);
    routerWith({ ...both, routers: { other } }).routeEmbedding(new Float32Array(8), request);
    const logged = await decisions();
    expect(logged).toHaveLength(3);
    expect(logged[0].policyPath[0]).toBe('router:other');
    expect(logged[1].id).toBe(decision.id);
  });

  it('takes feedback later, and waits for the log when it is closed', async () => {
    const { log, records } = keptLog();
    const router = routerWith({ log });
    const { id } = await router.route(request);
    router.feedback(id, { quality: 1, source: 'user' });
    await router.close();
    expect(records.map(({ kind }) => kind)).toEqual(['decision', 'feedback']);
    expect(records[1]).toMatchObject({ id, quality: 1, source: 'user' });
    expect(() => router.feedback(id, { quality: Number.NaN })).toThrow('`quality` of feedback must be');
    expect(() => router.feedback(undefined, { quality: 1 })).toThrow(
      'The decision id must be text. Got nothing',
    );
  });

  it('without one says where feedback could go, and has nothing to close', async () => {
    const router = routerWith({});
    const { id } = await router.route(request);
    expect(() => router.feedback(id, { quality: 1 })).toThrow(InvalidInputError);
    expect(() => router.feedback(id, { quality: 1 })).toThrow(
      /`log` of router must be given.*Pass \{ log \}/,
    );
    await router.close();
  });
});

describe('a dead sink', () => {
  const DECISIONS = 3000;
  /** Median milliseconds of a decision. */
  async function timed(log: DecisionLog | undefined) {
    const router = routerWith(log === undefined ? {} : { log });
    const times: number[] = [];
    for (let i = 0; i < DECISIONS; i++) {
      const started = performance.now();
      await router.route({ text: `prompt ${i}` });
      times.push(performance.now() - started);
      // The sink has its turn, as between two requests of a server.
      if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    return times.sort((a, b) => a - b)[DECISIONS >> 1];
  }

  it.each([
    ['hangs', () => new Promise<void>(() => {})],
    ['rejects', () => Promise.reject(new Error('down'))],
    [
      'throws',
      () => {
        throw new Error('down');
      },
    ],
  ])('that %s does not slow routing, and every record it cost is counted', async (_, sink) => {
    await timed(undefined);
    const log = createDecisionLog({ sink, capacity: 500, retries: 1, retryDelayMs: 0, closeMs: 1 });
    const plain = await timed(undefined);
    const logged = await timed(log);
    // A decision is a short one here, some 10 µs; a few more for the record, and a noisy machine.
    expect(logged).toBeLessThan(3 * plain + 0.05);
    const { written, failed, dropped, pending } = log.stats();
    expect(written).toBe(0);
    expect(failed + dropped + pending).toBe(DECISIONS);
    expect(pending).toBeLessThanOrEqual(500);
    await log.close();
    expect(log.stats()).toMatchObject({ written: 0, pending: 0, failed: DECISIONS - log.stats().dropped });
  });

  it('that hangs has the first records in its hands, and all that did not fit are dropped', async () => {
    const given: LogRecord[] = [];
    const sink = (records: readonly LogRecord[]) => {
      given.push(...records);
      return new Promise<void>(() => {});
    };
    const log = createDecisionLog({ sink, capacity: 500, batch: 100 });
    await timed(log);
    expect(given).toHaveLength(100);
    expect(log.stats()).toMatchObject({ written: 0, failed: 0, pending: 500, dropped: DECISIONS - 500 });
  });
});
