import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Counts of what a gateway does. Labels have the names of the configuration alone, so that their number is bounded. */
export interface Metrics {
  readonly requests: Counter<'route' | 'router' | 'candidate' | 'status'>;
  readonly durationSeconds: Histogram<'route' | 'router'>;
  readonly overheadSeconds: Histogram<'route'>;
  readonly firstByteSeconds: Histogram<'router'>;
  readonly attempts: Counter<'candidate' | 'state'>;
  readonly tokens: Counter<'candidate' | 'direction'>;
  readonly costUsd: Counter<'router' | 'candidate'>;
  readonly feedback: Counter<'router' | 'candidate'>;
  readonly refusals: Counter<'kind'>;
  readonly swaps: Counter<'router' | 'result'>;
  readonly inFlight: Gauge;
  readonly breakerOpen: Gauge<'candidate'>;
  /** The text of `/metrics`. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** Where a request has no router or no candidate. */
export const NONE = 'none';

const SECONDS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
const OVERHEAD_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25];

/** @param logCounts of the decision log, read when somebody asks. */
export function createMetrics(
  logCounts: () => Readonly<Record<'written' | 'failed' | 'dropped' | 'pending', number>>,
): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Counter<Label>({ name: `pointsman_${name}`, help, labelNames: [...labelNames], registers });
  const histogram = <Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    buckets: readonly number[],
  ) =>
    new Histogram<Label>({
      name: `pointsman_${name}`,
      help,
      labelNames: [...labelNames],
      buckets: [...buckets],
      registers,
    });
  new Gauge({
    name: 'pointsman_log_records',
    help: 'Records of the decision log, by what became of them.',
    labelNames: ['state'],
    registers,
    collect() {
      const { dropped, failed, pending, written } = logCounts();
      for (const [state, count] of Object.entries({ dropped, failed, pending, written }))
        this.set({ state }, count);
    },
  });
  return {
    requests: counter('requests_total', 'Requests that were answered or refused.', [
      'route',
      'router',
      'candidate',
      'status',
    ]),
    durationSeconds: histogram(
      'request_duration_seconds',
      'Time until an answer was whole.',
      ['route', 'router'],
      SECONDS,
    ),
    overheadSeconds: histogram(
      'overhead_seconds',
      'Time that the gateway itself took before it sent.',
      ['route'],
      OVERHEAD_SECONDS,
    ),
    firstByteSeconds: histogram('first_byte_seconds', 'Time until a stream began.', ['router'], SECONDS),
    attempts: counter('attempts_total', 'Calls of candidates, by how they ended.', ['candidate', 'state']),
    tokens: counter('tokens_total', 'Tokens as upstreams count them.', ['candidate', 'direction']),
    costUsd: counter('cost_usd_total', 'US dollars of every call.', ['router', 'candidate']),
    feedback: counter('feedback_total', 'Ratings of answers.', ['router', 'candidate']),
    refusals: counter('refusals_total', 'Requests that a key, a limit or a budget turned away.', ['kind']),
    swaps: counter('version_swaps_total', 'Versions that were taken over, or could not be.', [
      'router',
      'result',
    ]),
    inFlight: new Gauge({ name: 'pointsman_requests_in_flight', help: 'Requests under way.', registers }),
    breakerOpen: new Gauge({
      name: 'pointsman_breaker_open',
      help: '1 while a candidate is left alone since it failed too often, 0.5 while one request tries it again.',
      labelNames: ['candidate'],
      registers,
    }),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
