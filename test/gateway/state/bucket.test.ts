import fc from 'fast-check';
import { expect, it } from 'vitest';
import { adjust, type Bucket, drain, take, waitMs } from '../../../gateway/state/limits.ts';

const newBucket = (): Bucket => ({ used: 0, served: 0, atMs: 0 });

const step = fc.record({
  waitMs: fc.integer({ min: 0, max: 40_000 }),
  taken: fc.integer({ min: 1, max: 1000 }),
  realShare: fc.double({ min: 0, max: 1, noNaN: true }),
  /** How many steps later it is settled. */
  settledAfter: fc.integer({ min: 0, max: 5 }),
});

it('gives back no more than would be free had it been known from the start, and no less than nothing', () => {
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 1, max: 5000 }),
      (steps, perMinute) => {
        const [ours, known, never] = [newBucket(), newBucket(), newBucket()];
        const open: { taken: number; real: number; place: number; at: number }[] = [];
        let now = 0;
        const settleUntil = (i: number) => {
          for (const held of open.splice(0))
            if (held.at > i) open.push(held);
            else adjust(ours, held.taken, held.real, held.place);
        };
        steps.forEach(({ realShare, settledAfter, taken, waitMs: pause }, i) => {
          now += pause;
          for (const bucket of [ours, known, never]) drain(bucket, perMinute, now);
          const real = Math.floor(taken * realShare);
          open.push({ taken, real, place: take(ours, taken), at: i + settledAfter });
          take(known, real);
          take(never, taken);
          settleUntil(i);
        });
        settleUntil(Infinity);
        expect(ours.used).toBeGreaterThanOrEqual(known.used - 1e-6);
        expect(ours.used).toBeLessThanOrEqual(never.used + 1e-6);
      },
    ),
  );
});

it('lets through, in any stretch of time, the limit and what drains in it', () => {
  const asked = fc.array(fc.integer({ min: 0, max: 5000 }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(asked, fc.integer({ min: 1, max: 100 }), (pauses, perMinute) => {
      const bucket = newBucket();
      const through: number[] = [];
      let now = 0;
      for (const pause of pauses) {
        now += pause;
        drain(bucket, perMinute, now);
        const wait = waitMs(bucket.used, perMinute, 1);
        if (wait === 0) {
          take(bucket, 1);
          through.push(now);
          continue;
        }
        // What it says is true, to the millisecond: before, it would not fit; then, it does.
        const later = { ...bucket };
        drain(later, perMinute, now + wait! - 2);
        if (wait! > 2) expect(waitMs(later.used, perMinute, 1)).toBeGreaterThan(0);
        drain(later, perMinute, now + wait!);
        expect(waitMs(later.used, perMinute, 1)).toBe(0);
      }
      for (let from = 0; from < through.length; from++)
        for (let to = from; to < through.length; to++)
          expect(to - from + 1).toBeLessThanOrEqual(
            perMinute * (1 + (through[to] - through[from]) / 60_000) + 1e-3,
          );
    }),
  );
});
