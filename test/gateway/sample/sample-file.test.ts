import { join } from 'node:path';
import fc from 'fast-check';
import type { LogRecord } from 'pointsman/log';
import { afterEach, describe, expect, it } from 'vitest';
import { drawOf, SAMPLED_MS, type SampledPeriod, SampleFile } from '../../../gateway/sample/sample-file.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const { folder } = temporaryFolder();
const START = Date.parse('2026-11-01T00:00:00Z');
const MONTH = SAMPLED_MS.month;
const NOTHING = { embedding: null, embedder: null };

const open: SampleFile[] = [];
afterEach(async () => {
  for (const file of open.splice(0)) await file.close();
});
let paths = 0;
function fail(error: unknown): never {
  throw error;
}
function fileAt(at: { now: number }, path = ':memory:', keptMs: number = MONTH, most?: number): SampleFile {
  const file = new SampleFile(path, keptMs, () => at.now, fail, most);
  open.push(file);
  return file;
}

const newId = () => `dec_${crypto.randomUUID().replaceAll('-', '')}`;
const decision = (id: string, at: number, more: object = {}) =>
  ({
    schemaVersion: 1,
    kind: 'decision',
    id,
    at: new Date(at).toISOString(),
    artifactId: 'support-0123456789ab',
    candidate: 'small',
    promptHash: id,
    ...more,
  }) as unknown as LogRecord;
const outcome = (id: string, at: number, more: object = {}) =>
  ({
    kind: 'outcome',
    id,
    at: new Date(at).toISOString(),
    candidate: 'small',
    status: 'answered',
    costUsd: 1,
    ...more,
  }) as LogRecord;

const readAll = (file: SampleFile, period: SampledPeriod, router = 'support') => {
  const { rows, share } = file.read(router, period);
  return { rows: [...rows].flat(), share };
};

describe('a sample', () => {
  it('is of every period a uniform one within its room, whatever the traffic is, and of little traffic all', () => {
    const at = { now: START };
    const most = 120;
    const file = fileAt(at, ':memory:', MONTH, most);
    const ids = new Map<string, number>();
    // Requests an hour: quiet, a peak far above what there is room for, and quiet again.
    const hours = [...Array(30).fill(2), 900, 300, ...Array(26).fill(2)];
    for (const count of hours) {
      const records: LogRecord[] = [];
      for (let i = 0; i < count; i++) {
        const id = newId();
        const when = at.now + (i * SAMPLED_MS.hour) / count;
        ids.set(id, when);
        records.push(decision(id, when), outcome(id, when));
      }
      for (let from = 0; from < records.length; from += 50) {
        const last = Date.parse(records[Math.min(from + 50, records.length) - 1].at);
        at.now = Math.max(at.now, last);
        file.write(records.slice(from, from + 50), () => NOTHING);
      }
      at.now = START + Math.ceil((at.now - START + 1) / SAMPLED_MS.hour) * SAMPLED_MS.hour;
      for (const period of ['hour', 'day', 'month'] as const) {
        const { rows, share } = readAll(file, period);
        const expected = [...ids].filter(
          ([id, when]) => when >= at.now - SAMPLED_MS[period] && drawOf(id) < share,
        );
        // Exactly those below the share, of all times alike.
        expect(new Set(rows.map(({ id }) => id))).toEqual(new Set(expected.map(([id]) => id)));
        expect(rows.length).toBeLessThanOrEqual(1.5 * most);
      }
    }
    // The peak is more than a day ago: the hour and the day are whole again, and the month is what there is room for.
    expect(readAll(file, 'hour').share).toBe(1);
    expect(readAll(file, 'hour').rows.length).toBe(2);
    const month = readAll(file, 'month');
    expect(month.share).toBeLessThan(0.5);
    expect(month.rows.length).toBeGreaterThan(most / 4);
    expect(month.rows.length / month.share / ids.size).toBeGreaterThan(0.5);
    expect(month.rows.length / month.share / ids.size).toBeLessThan(1.5);
  });

  it('holds each decision with what came of it last, in whichever batches that comes', () => {
    const happening = fc.record({
      ends: fc.constantFrom('answered', 'failed', 'left', 'refused', null),
      ratings: fc.array(
        fc.record({ quality: fc.double({ min: 0, max: 1, noNaN: true }), other: fc.boolean() }),
        { maxLength: 3 },
      ),
      isDear: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(happening, { maxLength: 12 }),
        fc.integer({ min: 1, max: 7 }),
        (happenings, batch) => {
          const at = { now: START };
          const file = new SampleFile(':memory:', MONTH, () => at.now, fail);
          const records: LogRecord[] = [];
          const ids = happenings.map(() => newId());
          happenings.forEach(({ ends, isDear, ratings }, i) => {
            records.push(decision(ids[i], START + i));
            if (ends !== null)
              records.push(
                outcome(ids[i], START + i, { status: ends, ...(isDear ? { totalCostUsd: 3 } : {}) }),
              );
            ratings.forEach(({ other, quality }, r) => {
              const rating = {
                kind: 'feedback',
                id: ids[i],
                at: new Date(START + 100 + r).toISOString(),
                quality,
              };
              records.push({ ...rating, ...(other ? { candidate: 'large' } : {}) } as LogRecord);
            });
          });
          for (let from = 0; from < records.length; from += batch)
            file.write(records.slice(from, from + batch), () => NOTHING);
          const { rows } = readAll(file, 'hour');
          const answered = happenings.flatMap((each, i) =>
            each.ends === 'answered' ? [{ ...each, id: ids[i] }] : [],
          );
          expect(rows.map(({ id }) => id)).toEqual(answered.map(({ id }) => id));
          rows.forEach(({ costUsd, ownCostUsd, quality }, i) => {
            const own = answered[i].ratings.filter(({ other }) => !other);
            expect([costUsd, ownCostUsd, quality]).toEqual([
              answered[i].isDear ? 3 : 1,
              1,
              own.at(-1)?.quality ?? null,
            ]);
          });
          void file.close();
        },
      ),
      { numRuns: 60 },
    );
  });

  it('of two gateways that write to one file is one, and uniform, though one of them has far more to do', () => {
    const at = { now: START };
    const path = join(folder, `${paths++}.db`);
    const files = [fileAt(at, path, MONTH, 60), fileAt(at, path, MONTH, 60)];
    const ids: string[] = [];
    for (let turn = 0; turn < 40; turn++) {
      for (const [f, file] of files.entries())
        for (let i = 0; i < (f === 0 ? 10 : 1); i++) {
          const id = newId();
          ids.push(id);
          file.write([decision(id, at.now), outcome(id, at.now)], () => NOTHING);
        }
      at.now += 11_000;
    }
    for (const file of files) {
      const { rows, share } = readAll(file, 'hour');
      expect(share).toBeLessThan(0.5);
      expect(new Set(rows.map(({ id }) => id))).toEqual(new Set(ids.filter((id) => drawOf(id) < share)));
    }
  });

  it('keeps its share over a restart', async () => {
    const at = { now: START };
    const path = join(folder, `${paths++}.db`);
    const first = new SampleFile(path, MONTH, () => at.now, fail, 30);
    for (let i = 0; i < 300; i++) {
      const id = newId();
      first.write([decision(id, at.now), outcome(id, at.now)], () => NOTHING);
    }
    const share = first.share('support');
    expect(share).toBeLessThan(0.5);
    await first.close();
    expect(fileAt(at, path, MONTH, 30).share('support')).toBe(share);
  });

  it('of two routers are two', () => {
    const at = { now: START };
    const file = fileAt(at);
    for (const artifactId of ['support-0123456789ab', 'support-chat-0123456789ab']) {
      const id = newId();
      file.write([decision(id, START, { artifactId }), outcome(id, START)], () => NOTHING);
    }
    expect(readAll(file, 'day').rows.length).toBe(1);
    expect(readAll(file, 'day', 'support-chat').rows.length).toBe(1);
  });

  it('forgets a person, what is too old, and what nothing came of', () => {
    const at = { now: START };
    const path = join(folder, `${paths++}.db`);
    const file = fileAt(at, path, 2 * SAMPLED_MS.day);
    const [ada, bob, open] = [newId(), newId(), newId()];
    file.write(
      [
        ...[decision(ada, START, { user: 'ada' }), outcome(ada, START)],
        ...[decision(bob, START, { user: 'bob' }), outcome(bob, START)],
        decision(open, START),
      ],
      () => NOTHING,
    );
    expect(file.forget(['nobody', 'ada'])).toBe(1);
    expect(readAll(file, 'month').rows.map(({ id }) => id)).toEqual([bob]);
    at.now += SAMPLED_MS.day;
    file.write([], () => NOTHING);
    expect(file.vectorOf(open)).toBe(undefined);
    expect(file.vectorOf(bob)).toEqual(NOTHING);
    at.now += SAMPLED_MS.day + 1;
    file.write([], () => NOTHING);
    expect(file.vectorOf(bob)).toBe(undefined);
  });

  it('leaves the words out that are too long, and takes no more than its room of the others', () => {
    const at = { now: START };
    const file = fileAt(at);
    const long = newId();
    file.write(
      [decision(long, START, { request: { text: 'x'.repeat(300_000) } }), outcome(long, START)],
      () => NOTHING,
    );
    expect(readAll(file, 'hour').rows[0]).toMatchObject({ id: long, request: null });
    for (let i = 0; i < 150; i++) {
      const id = newId();
      file.write(
        [decision(id, at.now, { request: { text: 'x'.repeat(199_000) } }), outcome(id, at.now)],
        () => NOTHING,
      );
      at.now += 11_000;
    }
    const { rows, share } = readAll(file, 'hour');
    expect(share).toBeLessThan(1);
    expect(JSON.stringify(rows).length).toBeLessThan(14 * 2 ** 20);
    expect(rows.length).toBeGreaterThan(5);
  });
});
