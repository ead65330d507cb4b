import { beforeAll, describe, expect, it } from 'vitest';
import { FAULTS } from './faulty-upstream.ts';
import { type FaultReport, runFaults } from './run-faults.ts';

/** 10000 for the whole of it: POINTSMAN_FAULT_REQUESTS=10000 npx vitest run test/src/execution/faults.test.ts */
const REQUESTS = Number(process.env.POINTSMAN_FAULT_REQUESTS ?? 1000);
/** What two busy cores may take to come back to a timer. */
const LATE_MS = 1000;

describe(`${REQUESTS} requests to upstreams that fail, hang, throttle, cut streams and return rubbish`, () => {
  let report: FaultReport;
  let before: string[];
  let after: string[];
  beforeAll(async () => {
    before = process.getActiveResourcesInfo().sort();
    report = await runFaults(REQUESTS, 42, 16);
    for (let i = 0; i < 100; i++) {
      after = process.getActiveResourcesInfo().sort();
      if (!after.some((name) => /Timeout|TCP/.test(name))) break;
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (process.env.POINTSMAN_FAULT_REPORT !== undefined)
      process.stderr.write(`${JSON.stringify(report, null, 2)}\n`);
  }, 600_000);

  it('end in an answer or in a typed error, each of them', () => {
    expect(report.untyped).toEqual([]);
    const ended = Object.values(report.endings).reduce((sum, count) => sum + count, 0);
    expect(ended).toBe(REQUESTS);
  });

  it('end within their deadline', () => {
    expect(report.latestMs).toBeLessThan(LATE_MS);
    expect(report.endings.DEADLINE).toBeGreaterThan(0);
  });

  it('are never answered with less than the whole answer', () => {
    expect(report.truncated).toEqual([]);
  });

  it('are mostly answered, though every second attempt fails', () => {
    expect(report.endings.answered).toBeGreaterThan(0.5 * REQUESTS);
    expect(report.played.answer).toBeLessThan(0.6 * report.attempts);
  });

  it('have met every fault there is', () => {
    expect(Object.keys(FAULTS).filter((fault) => (report.played[fault] ?? 0) === 0)).toEqual([]);
  });

  it('leave nothing behind: no request on its way, no socket in use, no timer, no listener', () => {
    expect(report.left).toEqual({ inFlight: 0, open: 0, listeners: 0 });
    const kept = after.filter((name) => /Timeout|Immediate|TCP|Server/.test(name));
    expect(kept.filter((name) => !before.includes(name))).toEqual([]);
  });

  it('open breakers when a candidate is gone, and close them when it is back', () => {
    const next: Record<string, readonly string[]> = {
      closed: ['open'],
      open: ['half-open'],
      'half-open': ['open', 'closed'],
    };
    const states: Record<string, string> = {};
    for (const change of report.breakerChanges) {
      const [candidate, state] = change.split(' ');
      expect(next[states[candidate] ?? 'closed']).toContain(state);
      states[candidate] = state;
    }
    expect(report.breakerChanges).toContain('a open');
    expect(report.breakerChanges.lastIndexOf('a closed')).toBeGreaterThan(
      report.breakerChanges.indexOf('a open'),
    );
  });
});
