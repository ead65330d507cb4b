import { runFaults } from '../test/fixtures/run-faults.ts';
import { runHostile } from '../test/fixtures/run-hostile.ts';
import { atMost, type BenchLine, plain } from './bench-line.ts';

const REQUESTS = 10_000;
const SEED = 42;
const CONCURRENCY = 16;
/** What two busy cores may take to come back to a timer, in milliseconds. */
const MARGIN_MS = 1_000;
const HOSTILE_REQUESTS = 12_000;
const HOSTILE_IN_FLIGHT = 500;

export async function benchFaults(): Promise<BenchLine[]> {
  return [...(await faultLines()), ...(await hostileLines())];
}

/**
 * Requests through local upstreams that fail, hang, throttle, cut streams and return rubbish, and how they ended: every
 * second attempt fails, one upstream is gone for a while, and one request in twelve has 120 ms.
 */
async function faultLines(): Promise<BenchLine[]> {
  const report = await runFaults(REQUESTS, SEED, CONCURRENCY);
  const { endings, left } = report;
  const answered = endings.answered ?? 0;
  const cancelled = endings.cancelled ?? 0;
  const typed = Object.entries(endings).filter(([ending]) => /^[A-Z_]+$/.test(ending));
  const errors = typed.reduce((sum, [, count]) => sum + count, 0);
  const codes = typed.map(([code, count]) => `${count} ${code}`).join(', ');
  const note = `${REQUESTS} requests, ${report.attempts} attempts, ${Math.round(report.seconds)} s`;
  return [
    plain('requests through faulty upstreams: answered', answered, '', note),
    plain('  ended in a typed error', errors, '', codes),
    plain('  cancelled by their caller', cancelled, '', 'they end with the reason of their signal'),
    atMost('  answered with less than the whole answer', report.truncated.length, '', 0, note),
    atMost(
      '  neither answered, nor cancelled, nor a typed error',
      REQUESTS - answered - errors - cancelled,
      '',
      0,
      report.untyped[0] ?? note,
    ),
    atMost(
      `  over their deadline by more than ${MARGIN_MS} ms`,
      report.late.filter((ms) => ms > MARGIN_MS).length,
      '',
      0,
      `the latest by ${Math.round(report.latestMs)} ms`,
    ),
    atMost(
      '  timers, sockets, listeners and requests left over',
      left.inFlight + left.open + left.listeners + left.resources.length,
      '',
      0,
      left.resources.join(', ') || note,
    ),
    plain(
      '  times that a breaker opened',
      report.breakerChanges.filter((change) => change.endsWith(' open')).length,
      '',
      'it closed again after one that was answered',
    ),
  ];
}

/**
 * Requests through upstreams in a process of their own that mean harm: redirects elsewhere, bodies without end, gzip
 * bombs, floods, keys written back, usage that cannot be, answers that are none.
 */
async function hostileLines(): Promise<BenchLine[]> {
  const report = await runHostile(HOSTILE_REQUESTS, SEED, HOSTILE_IN_FLIGHT);
  const { endings, untyped, truncated, leaked, misbilled, late, longestPauseMs, elsewhereAsked, open } =
    report;
  const note = `${HOSTILE_REQUESTS} requests, ${HOSTILE_IN_FLIGHT} at a time, ${Math.round(report.seconds)} s`;
  const codes = Object.entries(endings).filter(([ending]) => ending !== 'answered');
  const latest = late.reduce((most, ms) => Math.max(most, ms), 0);
  return [
    plain('requests through hostile upstreams: answered', endings.answered ?? 0, '', note),
    plain(
      '  ended in a typed error',
      codes.reduce((sum, [, count]) => sum + count, 0) - untyped.length,
      '',
      codes.map(([code, count]) => `${count} ${code}`).join(', '),
    ),
    atMost(
      '  answered with less than the whole answer, or untyped',
      truncated.length + untyped.length,
      '',
      0,
      note,
    ),
    atMost(
      `  over their deadline by more than ${MARGIN_MS} ms`,
      late.filter((ms) => ms > MARGIN_MS).length,
      '',
      0,
      `the latest by ${Math.round(latest)} ms`,
    ),
    atMost('  longest pause of the event loop by our own work', longestPauseMs, 'ms', 250, note),
    atMost(
      '  keys told, redirects followed elsewhere, false bills, connections left open',
      leaked.length + elsewhereAsked + misbilled.length + open,
      '',
      0,
      note,
    ),
    plain(
      '  largest resident memory',
      Math.round(report.largestRssBytes / 2 ** 20),
      'MiB',
      'the whole process',
    ),
  ];
}
