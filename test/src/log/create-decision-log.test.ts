import { createHash } from 'node:crypto';
import type { Request } from 'pointsman';
import { createDecisionLog, type DecisionLogOptions, type LogRecord, parseLogRecord } from 'pointsman/log';
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
    expect(() => log.outcome('x', { candidate: 'mini', costUsd: -1 })).toThrow(
      '`costUsd` of outcome must be',
    );
    expect(log.stats().pending).toBe(0);
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
