import { beforeAll, describe, expect, it } from 'vitest';
import { type HostileReport, runHostile } from '../../fixtures/run-hostile.ts';

const REQUESTS = 12_000;
const IN_FLIGHT = 500;

describe(`${REQUESTS} requests, ${IN_FLIGHT} at a time, through upstreams that mean harm`, () => {
  let report: HostileReport;
  beforeAll(async () => {
    report = await runHostile(REQUESTS, 7, IN_FLIGHT);
  }, 900_000);

  it('end in a whole answer or in a typed error, each of them', () => {
    expect([report.untyped, report.truncated]).toEqual([[], []]);
    expect(Object.values(report.endings).reduce((sum, count) => sum + count, 0)).toBe(REQUESTS);
    expect(report.endings.answered).toBeGreaterThan(0.5 * REQUESTS);
  });

  it('end within their deadline, or a second after it', () => {
    expect(report.late.filter((ms) => ms > 1000)).toEqual([]);
  });

  it('never keep timers waiting for more than 250 ms', () => {
    expect(report.longestPauseMs).toBeLessThan(250);
  });

  it('take no memory that an upstream could name', () => {
    expect(report.largestRssBytes).toBeLessThan(1.5e9);
  });

  it('tell nobody a key, follow nobody elsewhere, and leave no connection open', () => {
    expect(report).toMatchObject({ leaked: [], misbilled: [], elsewhereAsked: 0, open: 0 });
  });
});
