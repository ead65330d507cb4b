import type * as Api from '@opentelemetry/api';
import { MissingPackageError } from 'pointsman';
import type { ExecuteOptions } from 'pointsman/execution';
import { loadOpenTelemetry } from 'pointsman/telemetry';

type Telemetry = NonNullable<ExecuteOptions['telemetry']>;
type Attributes = Readonly<Record<string, string | number | boolean>>;

/** Follows requests across programs by W3C trace context, with or without OpenTelemetry. */
export interface Tracing {
  /** Told of executions; undefined without OpenTelemetry. */
  readonly telemetry: Telemetry | undefined;
  begin(route: string, headers: Pick<Headers, 'get'>): RequestTrace;
}

/** The trace of one request. */
export interface RequestTrace {
  /** Does the work within the request's span. */
  run<T>(work: () => T): T;
  /** Headers of what is sent on at this moment. */
  outgoing(): Readonly<Record<string, string>>;
  /** @param attributes `pointsman.routing.*` of them. */
  end(status: number, attributes: Attributes): void;
}

/** `traceparent` of version 00, W3C Trace Context §3.2. */
const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const LONGEST_TRACESTATE = 512;

/** Hands the context on as it came. */
export function createPlainTracing(): Tracing {
  return {
    telemetry: undefined,
    begin(_, headers) {
      const context = incoming(headers);
      return { run: (work) => work(), outgoing: () => context, end: () => {} };
    },
  };
}

/** What came of a trace context, where it is one. */
function incoming(headers: Pick<Headers, 'get'>): Readonly<Record<string, string>> {
  const traceparent = headers.get('traceparent');
  if (traceparent === null || !TRACEPARENT.test(traceparent)) return NO_HEADERS;
  const tracestate = headers.get('tracestate');
  return tracestate === null || tracestate.length > LONGEST_TRACESTATE
    ? { traceparent }
    : { traceparent, tracestate };
}

const NO_HEADERS = {};

/**
 * Spans by the OpenTelemetry SDK that the process has registered: one for the request, and those of its execution below.
 *
 * @throws MissingPackageError when `@opentelemetry/api` is not installed.
 */
export async function loadTracing(recordContent: boolean): Promise<Tracing> {
  let api: typeof Api;
  try {
    api = await import('@opentelemetry/api');
  } catch (cause) {
    throw new MissingPackageError('@opentelemetry/api', '`telemetry.openTelemetry`', { cause });
  }
  const tracer = api.trace.getTracer('@pointsman/gateway');
  return {
    telemetry: await loadOpenTelemetry({ recordContent }),
    begin(route, headers) {
      const came = incoming(headers);
      const span = tracer.startSpan(
        `POST ${route}`,
        { kind: api.SpanKind.SERVER, attributes: { 'http.request.method': 'POST', 'http.route': route } },
        withParent(api, came),
      );
      const inside = api.trace.setSpan(api.context.active(), span);
      return {
        run: (work) => api.context.with(inside, work),
        outgoing() {
          const active = api.trace.getSpanContext(api.context.active()) ?? span.spanContext();
          if (!api.isSpanContextValid(active)) return came;
          const { spanId, traceFlags, traceId, traceState } = active;
          const tracestate = traceState?.serialize() ?? '';
          return {
            traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
            ...(tracestate === '' ? {} : { tracestate }),
          };
        },
        end(status, attributes) {
          span.setAttribute('http.response.status_code', status);
          for (const [name, value] of Object.entries(attributes))
            span.setAttribute(`pointsman.routing.${name}`, value);
          if (status >= 500) span.setStatus({ code: api.SpanStatusCode.ERROR });
          span.end();
        },
      };
    },
  };
}

function withParent(
  api: typeof Api,
  { traceparent = '', tracestate }: Readonly<Record<string, string>>,
): Api.Context {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent) ?? [];
  const active = api.context.active();
  if (traceId === undefined) return active;
  const remote = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  if (!api.isSpanContextValid(remote)) return active;
  return api.trace.setSpanContext(active, {
    ...remote,
    ...(tracestate === undefined ? {} : { traceState: api.createTraceState(tracestate) }),
  });
}
