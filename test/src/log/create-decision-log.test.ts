import { createHash } from 'node:crypto';
import type { Request } from 'pointsman';
import { LARGEST_AMOUNTS, type OutcomeRecord } from 'pointsman/internal';
import {
  createDecisionLog,
  type DecisionLog,
  type DecisionLogOptions,
  type LogRecord,
  parseLogRecord,
} from 'pointsman/log';
import { describe, expect, it } from 'vitest';
import { manualClock, settle } from '../execution/manual-clock.ts';
import { aDecision } from './a-decision.ts';

const request: Request = { text: 'What is 17 * 23?' };
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** A log whose sink keeps what it is given; every line is one that can be read again. */
function keptLog(options: Partial<DecisionLogOptions> = {}) {
  const batches: LogRecord[][] = [];
  const log = createDecisionLog({
    sink: (records) => {
      batches.push(records.map((record) => parseLogRecord(JSON.parse(JSON.stringify(record)))));
    },
    ...options,
  });
  return { log, batches };
}

describe('a decision log', () => {
  it('writes decision, outcome and feedback under one id, in the order they were told', async () => {
    const clock = manualClock();
    // At once: the clock does not wait for Web Crypto.
    const { log, batches } = keptLog({
      clock,
      sha256: (bytes) => createHash('sha256').update(bytes).digest('hex'),
    });
    const id = log.decided(aDecision(), request);
    await clock.advance(500);
    log.outcome(id, { candidate: 'mini', costUsd: 0.002, latencyMs: 410 });
    log.feedback(id, { quality: 0.5, source: 'user' });
    await clock.advance(499);
    expect(batches).toEqual([]);
    await clock.advance(1);
    expect(batches).toHaveLength(1);
    const [decision, outcome, feedback] = batches[0];
    expect(decision).toMatchObject({
      kind: 'decision',
      id,
      at: '2026-01-01T00:00:00.000Z',
      artifactId: 'tiny-0123456789ab',
      candidate: 'mini',
      propensity: 1,
      promptHash: sha256('What is 17 * 23?'),
      request,
      task: 'sum',
      tier: 'free',
    });
    expect(outcome).toEqual({
      schemaVersion: 1,
      kind: 'outcome',
      id,
      at: '2026-01-01T00:00:00.500Z',
      candidate: 'mini',
      status: 'answered',
      costUsd: 0.002,
      costSource: 'reported',
      latencyMs: 410,
      inputTokens: null,
      outputTokens: null,
    });
    expect(feedback).toMatchObject({ kind: 'feedback', id, quality: 0.5, source: 'user' });
    expect(log.stats()).toEqual({ written: 3, failed: 0, dropped: 0, pending: 0, error: null });
  });

  it('keeps a conversation as it was when it was routed, and of pictures that there was one', async () => {
    const messages = [
      { role: 'system', content: 'Be kind.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is this?' },
          { type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(1000)}` } },
        ],
      },
    ];
    const { log, batches } = keptLog();
    log.decided(aDecision(), { messages });
    messages.push({ role: 'assistant', content: 'A cat.' });
    await log.flush();
    expect(batches[0][0]).toMatchObject({
      promptHash: sha256('What is this?'),
      request: {
        messages: [
          { role: 'system', content: 'Be kind.' },
          { role: 'user', content: [{ type: 'text', text: 'What is this?' }, { type: 'image_url' }] },
        ],
      },
    });
  });

  it('keeps nothing of a prompt but its hash, and the embedding, when it is told so', async () => {
    const { log, batches } = keptLog({ content: 'hash', embedding: true });
    const vector = Float32Array.of(0.1, -0.25, 0);
    log.decided(aDecision(), request, vector);
    // The router's next request goes into the same array.
    vector.fill(9);
    await log.flush();
    expect(JSON.stringify(batches)).not.toContain('17 * 23');
    expect(batches[0][0]).toMatchObject({
      promptHash: sha256('What is 17 * 23?'),
      embedding: [0.1, -0.25, 0],
    });
  });

  it('tells requests apart by their embeddings where there is nothing else', async () => {
    const { log, batches } = keptLog();
    for (const x of [1, 2, 1]) log.decided(aDecision(), undefined, [x, 0]);
    await log.flush();
    const hashes = batches[0].map((record) => (record as { promptHash: string }).promptHash);
    expect(hashes[0]).not.toBe(hashes[1]);
    expect(hashes[0]).toBe(hashes[2]);
    expect(batches[0][0]).not.toHaveProperty('embedding');
    expect(batches[0][0]).not.toHaveProperty('request');
  });

  it('never throws for a request that cannot be read, and counts it', () => {
    const { log } = keptLog();
    const hostile = {
      get messages(): never {
        throw new Error('no');
      },
    };
    expect(log.decided(aDecision(), hostile as unknown as Request)).toMatch(/^[0-9a-f-]{36}$/);
    expect(log.stats()).toMatchObject({ dropped: 1, pending: 0 });
  });

  it('refuses feedback and outcomes that are none, with the field', () => {
    const { log } = keptLog();
    expect(() => log.feedback('x', { quality: 2 })).toThrow(
      '`quality` of feedback must be a number <= 1. Got 2.',
    );
    expect(() => log.feedback('', { quality: 1 })).toThrow('The decision id must be text of length >= 1');
    expect(() => log.outcome('x', { candidate: '' })).toThrow('`candidate` of outcome must be');
    expect(log.stats().pending).toBe(0);
  });

  it.each([
    ['costUsd', Number.NaN, 'NaN'],
    ['costUsd', Number.POSITIVE_INFINITY, 'Infinity'],
    ['costUsd', 'Infinity', 'Infinity'],
    ['costUsd', -5, '-5'],
    ['costUsd', 1e300, '1e+300'],
    ['costUsd', 1_000.01, '1000.01'],
    ['costUsd', {}, 'object'],
    ['latencyMs', -0.05, '-0.05'],
    ['latencyMs', 1e12, '1000000000000'],
    ['inputTokens', -1, '-1'],
    ['inputTokens', 1.5, '1.5'],
    ['outputTokens', 1e300, '1e+300'],
    ['totalCostUsd', -0.001, '-0.001'],
    ['totalLatencyMs', Number.NaN, 'NaN'],
  ])('keeps an outcome whose %s is %s: without the number, which it names', async (field, value, shown) => {
    const { log, batches } = keptLog();
    const amounts = { costUsd: 0.002, latencyMs: 410, inputTokens: 12, outputTokens: 40 };
    const totals = { totalCostUsd: 0.003, totalLatencyMs: 500 };
    log.outcome('x', { candidate: 'mini', ...amounts, ...totals, [field]: value });
    await log.flush();
    const { kind, schemaVersion, id, at, costSource, ...record } = batches[0][0] as OutcomeRecord;
    const expected: Record<string, unknown> = { ...amounts, ...totals, [field]: null };
    if (field in totals) delete expected[field];
    expect(record).toEqual({
      candidate: 'mini',
      status: 'answered',
      ...expected,
      refused: { [field]: shown },
    });
    expect(costSource).toBe(field === 'costUsd' ? undefined : 'reported');
  });

  it('takes the largest amounts that are documented, and says whose bill a cost is', async () => {
    const { log, batches } = keptLog();
    log.outcome('x', { candidate: 'mini', ...LARGEST_AMOUNTS, costSource: 'computed' });
    log.outcome('x', { candidate: 'mini', costSource: 'computed' });
    await log.flush();
    expect(batches[0][0]).toMatchObject({ ...LARGEST_AMOUNTS, costSource: 'computed' });
    expect(batches[0][0]).not.toHaveProperty('refused');
    expect(batches[0][1]).not.toHaveProperty('costSource');
  });

  it('refuses names that are too long, cuts an error, and drops a decision that has no id', async () => {
    const { log, batches } = keptLog();
    const long = 'x'.repeat(257);
    for (const call of [
      () => log.feedback(long, { quality: 1 }),
      () => log.feedback('x', { quality: 1, source: long }),
      () => log.feedback('x', { quality: 1, candidate: long }),
      () => log.outcome(long, { candidate: 'mini' }),
      () => log.outcome('x', { candidate: long }),
    ])
      expect(call).toThrow(/must be text of length <= 256/);
    log.outcome('x', { candidate: 'mini', status: 'failed', error: 'e'.repeat(5_000_000) });
    log.decided(aDecision({ signals: { tier: 't'.repeat(5_000) } }), request);
    await log.flush();
    expect(batches[0][0]).toMatchObject({ error: 'e'.repeat(1_000) });
    expect(batches[0][1]).toMatchObject({ tier: 't'.repeat(1_000), signals: { tier: 't'.repeat(1_000) } });
    const odd = keptLog({ newId: () => long });
    expect(odd.log.decided(aDecision(), request)).toBe(long);
    expect(odd.log.stats()).toMatchObject({ dropped: 1, pending: 0 });
  });

  it('writes no half of a surrogate pair, wherever it stands', async () => {
    const { log, batches } = keptLog();
    const half = 'cut \ud83d';
    const id = log.decided(
      aDecision({ signals: { task: half, [half]: half } as never, probabilities: { [half]: 1 } }),
      { messages: [{ role: 'user', name: half, content: [{ type: 'text', text: half }] }] },
    );
    log.outcome(id, { candidate: half, status: 'failed', error: half, costUsd: half as never });
    log.feedback(id, { quality: 1, candidate: half, source: half });
    log.feedback(`${id}\udc00`, { quality: 1 });
    await log.flush();
    const text = JSON.stringify(batches);
    expect(text).not.toMatch(/\\ud[89a-f]/);
    expect(text.match(/cut \ufffd/g)).toHaveLength(12);
  });

  it('sets aside a decision that cannot be made into a record, tells of it, and keeps the others', async () => {
    const told: [string, number][] = [];
    const { log, batches } = keptLog({ onError: (error, records) => told.push([String(error), records]) });
    log.decided(aDecision(), request);
    log.decided({ ...aDecision(), predictions: [null] } as never, request);
    log.decided(aDecision(), request);
    await log.flush();
    expect(batches.map((batch) => batch.length)).toEqual([2]);
    expect(told).toEqual([[expect.stringContaining('TypeError'), 1]]);
    expect(log.stats()).toMatchObject({ written: 2, failed: 1, pending: 0, error: expect.any(String) });
  });

  it.each([
    [{ capacity: 0 }, '`capacity` of decision log must be a whole number >= 1. Got 0.'],
    [{ batch: 1.5 }, '`batch` of decision log must be a whole number >= 1. Got 1.5.'],
    [{ flushMs: Number.NaN }, '`flushMs` of decision log must be a number >= 0. Got NaN.'],
    [{ content: 'none' as never }, '`content` of decision log must be "prompt" or "hash". Got "none".'],
    [{ sink: {} as never }, '`sink` of decision log must be a function, or an object'],
  ])('is not made with an option that is wrong: %o', (options, message) => {
    expect(() => createDecisionLog({ sink: () => {}, ...options })).toThrow(message);
  });
});

/** A sink that does as it is told, one batch at a time. */
function slowSink() {
  const writes: { records: readonly LogRecord[]; resolve: () => void; reject: (error: Error) => void }[] = [];
  let closed = 0;
  return {
    writes,
    get closed() {
      return closed;
    },
    write: (records: readonly LogRecord[]) =>
      new Promise<void>((resolve, reject) => writes.push({ records, resolve, reject })),
    close: async () => void closed++,
  };
}

describe('a slow or dead sink', () => {
  it('has one batch at a time; a full one goes at once, the rest when its time has come', async () => {
    const clock = manualClock();
    const sink = slowSink();
    const log = createDecisionLog({ sink, batch: 3, flushMs: 100, clock });
    for (let i = 0; i < 4; i++) log.feedback(`${i}`, { quality: 1 });
    expect(sink.writes).toHaveLength(0);
    await clock.advance(0);
    expect(sink.writes.map(({ records }) => records.length)).toEqual([3]);
    await clock.advance(1000);
    expect(sink.writes).toHaveLength(1);
    sink.writes[0].resolve();
    await settle();
    expect(sink.writes.map(({ records }) => records.length)).toEqual([3, 1]);
  });

  it('drops what there is no room for, counts it exactly, and says so in the log', async () => {
    const clock = manualClock();
    const sink = slowSink();
    const log = createDecisionLog({ sink, capacity: 5, batch: 2, flushMs: 10, clock });
    for (let i = 0; i < 12; i++) log.feedback(`${i}`, { quality: 1 });
    await clock.advance(10);
    expect(log.stats()).toMatchObject({ written: 0, dropped: 7, pending: 5 });
    const flushed = log.flush();
    for (let i = 0; i < 3; i++) {
      sink.writes[i].resolve();
      await settle();
    }
    await flushed;
    expect(log.stats()).toMatchObject({ written: 5, dropped: 7, pending: 0, failed: 0 });
    const written = sink.writes.flatMap(({ records }) => records);
    expect(written.filter(({ kind }) => kind === 'dropped')).toMatchObject([{ count: 7 }]);
    expect(
      written.filter(({ kind }) => kind === 'feedback').map((record) => 'id' in record && record.id),
    ).toEqual(['0', '1', '2', '3', '4']);
  });

  it('is given no more prompts to remember than there is room for characters', () => {
    const log = createDecisionLog({ sink: slowSink(), capacityCharacters: 10_000 });
    const long = { text: 'x'.repeat(4000) };
    for (let i = 0; i < 3; i++) log.decided(aDecision(), long);
    expect(log.stats()).toMatchObject({ pending: 2, dropped: 1 });
    const hashed = createDecisionLog({ sink: slowSink(), capacityCharacters: 10_000, content: 'hash' });
    for (let i = 0; i < 3; i++) hashed.decided(aDecision(), long);
    // Until it is hashed the prompt is held all the same.
    expect(hashed.stats()).toMatchObject({ pending: 2, dropped: 1 });
  });

  it('is given no more text to remember than there is room for, whatever holds it', () => {
    const room = { sink: slowSink(), capacityCharacters: 10_000 };
    const long = 'x'.repeat(4_000);
    const pending = (tell: (log: DecisionLog) => void) => {
      const log = createDecisionLog(room);
      for (let i = 0; i < 100; i++) tell(log);
      expect(log.stats().dropped + log.stats().pending).toBe(100);
      return log.stats().pending;
    };
    const name = 'x'.repeat(256);
    expect(pending((log) => log.feedback(name, { quality: 1, source: name, candidate: name }))).toBeLessThan(
      11,
    );
    expect(pending((log) => log.outcome('x', { candidate: name, error: 'x'.repeat(1_000) }))).toBeLessThan(
      11,
    );
    expect(pending((log) => log.decided(aDecision({ signals: { tier: long } }), request))).toBe(2);
    expect(pending((log) => log.decided(aDecision(), { messages: [{ role: long }] }))).toBe(1);
    expect(pending((log) => log.decided(aDecision(), { messages: [{ role: 'user', name: long }] }))).toBe(1);
    const content = [{ type: long }];
    expect(pending((log) => log.decided(aDecision(), { messages: [{ role: 'user', content }] }))).toBe(1);
  });

  it('is given batches that are no longer than it can hold beside them', async () => {
    const clock = manualClock();
    const sink = slowSink();
    const log = createDecisionLog({ sink, clock, sha256: () => 'a'.repeat(64) });
    for (let i = 0; i < 6; i++) log.decided(aDecision(), { text: 'x'.repeat(2_000_000) });
    const flushed = log.flush();
    for (let i = 0; i < 3; i++) {
      await settle();
      sink.writes[i].resolve();
    }
    await flushed;
    expect(sink.writes.map(({ records }) => records.length)).toEqual([2, 2, 2]);
  });

  it('that sets a record aside has the others, and does not get them again', async () => {
    const told: [string, number][] = [];
    const seen: number[] = [];
    const log = createDecisionLog({
      sink: {
        async write(records) {
          seen.push(records.length);
          return [new Error('no room for x')];
        },
        close: async () => {},
      },
      onError: (error, records) => told.push([String(error), records]),
    });
    for (let i = 0; i < 3; i++) log.feedback(`${i}`, { quality: 1 });
    await log.flush();
    expect(seen).toEqual([3]);
    expect(told).toEqual([['Error: no room for x', 1]]);
    expect(log.stats()).toEqual({ written: 2, failed: 1, dropped: 0, pending: 0, error: 'no room for x' });
  });

  it('gets a batch that it rejected again, later and later; then the batch is given up', async () => {
    const clock = manualClock();
    const sink = slowSink();
    const given: [string, number][] = [];
    const log = createDecisionLog({
      sink,
      batch: 2,
      retries: 2,
      retryDelayMs: 100,
      clock,
      onError: (error, records) => given.push([String(error), records]),
    });
    for (let i = 0; i < 3; i++) log.feedback(`${i}`, { quality: 1 });
    await clock.advance(0);
    for (const waitMs of [100, 200]) {
      sink.writes.at(-1)?.reject(new Error('down'));
      await clock.advance(waitMs - 1);
      const before = sink.writes.length;
      await clock.advance(1);
      expect(sink.writes.length).toBe(before + 1);
    }
    expect(given).toEqual([]);
    expect(log.stats().error).toBe('down');
    sink.writes.at(-1)?.reject(new Error('down'));
    await settle();
    expect(given).toEqual([['Error: down', 2]]);
    const flushed = log.flush();
    await settle();
    sink.writes.at(-1)?.resolve();
    await flushed;
    expect(log.stats()).toEqual({ written: 1, failed: 2, dropped: 0, pending: 0, error: null });
  });

  it('a flush does not sit out the wait before a retry', async () => {
    const clock = manualClock();
    const sink = slowSink();
    const log = createDecisionLog({ sink, flushMs: 1, retryDelayMs: 1e6, clock });
    log.feedback('x', { quality: 1 });
    await clock.advance(1);
    sink.writes[0].reject(new Error('down'));
    await settle();
    const flushed = log.flush();
    await settle();
    sink.writes[1].resolve();
    await flushed;
    expect(log.stats().written).toBe(1);
  });

  it('that hangs is waited for at the close no longer than said; what is left counts as failed', async () => {
    const clock = manualClock();
    const sink = slowSink();
    const log = createDecisionLog({ sink, batch: 2, closeMs: 500, clock });
    for (let i = 0; i < 5; i++) log.feedback(`${i}`, { quality: 1 });
    const closed = log.close();
    await clock.advance(500);
    await closed;
    expect(sink.closed).toBe(1);
    expect(log.stats()).toMatchObject({ written: 0, failed: 5, pending: 0 });
    log.decided(aDecision(), request);
    expect(log.stats()).toMatchObject({ dropped: 1, pending: 0 });
    sink.writes[0].resolve();
    await settle();
    expect(log.stats()).toMatchObject({ written: 0, failed: 5 });
    await log.close();
    expect(sink.closed).toBe(1);
    expect(clock.pending).toBe(0);
  });
});
