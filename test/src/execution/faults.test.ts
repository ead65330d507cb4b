import { beforeAll, describe, expect, it } from 'vitest';
import { FAULTS } from '../../fixtures/faulty-upstream.ts';
import { type FaultReport, runFaults } from '../../fixtures/run-faults.ts';

/** `npm run bench -- --only faults` sends 10,000. */
const REQUESTS = Number(process.env.POINTSMAN_FAULT_REQUESTS ?? 400);
/** What two busy cores may take to come back to a timer. */
const LATE_MS = 1000;

describe(`${REQUESTS} requests to upstreams that fail, hang, throttle, cut streams and return rubbish`, () => {
  let report: FaultReport;
  beforeAll(async () => {
    report = await runFaults(REQUESTS, 42, 16);
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
    expect(report.left).toEqual({ inFlight: 0, open: 0, listeners: 0, resources: [] });
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
