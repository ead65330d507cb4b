import { expect } from 'vitest';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { routerFolder } from '../gateway-fixture.ts';
import { sendFaults } from './send-faults.ts';

const { path } = temporaryFolder();

/** What the gateway promises, whatever upstreams and clients do. @param lateMs that a busy machine may take */
export async function checkFaults(requests: number, atOnce: number, lateMs: number): Promise<void> {
  const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 1e6);
  const { left, played, report } = await sendFaults({
    requests,
    seed,
    atOnce,
    patienceMs: Math.max(3_000, lateMs),
    folder: path('gateway'),
    router: await routerFolder(),
  });
  expect(report.bad).toEqual([]);
  expect(Object.keys(report.endings).sort()).toEqual(['answer', 'error', 'left']);
  const { answer, error, left: leaving } = report.endings;
  expect(answer + error + leaving).toBe(requests);
  expect(answer).toBeGreaterThan(requests / 3);
  expect(report.late.filter((ms) => ms > lateMs)).toEqual([]);
  const { unbookedUsd, ...rest } = left;
  expect(Math.abs(unbookedUsd)).toBeLessThan(1e-6);
  expect(rest).toEqual({
    inFlight: 0,
    open: 0,
    resources: [],
    heldUsd: 0,
    withoutOutcome: 0,
    oddOutcomes: 0,
    running: 0,
    errors: [],
  });
  if (requests >= 500) expect(Object.entries(played).filter(([, count]) => count === 0)).toEqual([]);
}
