import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { afterAll, expect, it } from 'vitest';
import { ask, mockUpstream, post, testConfig, testGateway } from '../gateway-fixture.ts';

const exporter = new InMemorySpanExporter();
trace.setGlobalTracerProvider(
  new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
);
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
afterAll(() => {
  trace.disable();
  context.disable();
});

const traceId = '0af7651916cd43dd8448eb211c80319c';
const parent = 'b7ad6b7169203331';

it('one trace holds the client, the request with its routing, the attempt, and the upstream', async () => {
  const upstream = await mockUpstream();
  const gateway = await testGateway(await testConfig(upstream, { telemetry: { openTelemetry: true } }));
  const response = await post(gateway, '/v1/chat/completions', ask(), {
    traceparent: `00-${traceId}-${parent}-01`,
    tracestate: 'vendor=1',
  });
  await response.text();
  const spans = exporter.getFinishedSpans();
  const named = (name: RegExp) => spans.find((span) => name.test(span.name))!;
  const [request, execution, attempt] = [named(/^POST/), named(/execute/), named(/^chat/)];
  expect(spans.map((span) => span.spanContext().traceId)).toEqual([traceId, traceId, traceId]);
  expect(request.parentSpanContext?.spanId).toBe(parent);
  expect(execution.parentSpanContext?.spanId).toBe(request.spanContext().spanId);
  expect(attempt.parentSpanContext?.spanId).toBe(execution.spanContext().spanId);
  expect(upstream.got[0].headers).toMatchObject({
    traceparent: `00-${traceId}-${attempt.spanContext().spanId}-01`,
    tracestate: 'vendor=1',
  });
  expect(request.attributes).toMatchObject({
    'http.response.status_code': 200,
    'pointsman.routing.router': 'support',
    'pointsman.routing.candidate': response.headers.get('x-pointsman-candidate'),
    'pointsman.routing.decision_id': response.headers.get('x-pointsman-decision-id'),
    'pointsman.routing.attempts': 1,
  });
  expect(attempt.attributes).toMatchObject({ 'gen_ai.usage.input_tokens': 100 });
});

it('of a request that fails tells the status, and nothing of what was asked', async () => {
  exporter.reset();
  const upstream = await mockUpstream();
  upstream.answer = (_, response) => response.destroy();
  const gateway = await testGateway(await testConfig(upstream, { telemetry: { openTelemetry: true } }));
  await post(gateway, '/v1/chat/completions', ask());
  const spans = exporter.getFinishedSpans();
  expect(spans.find(({ name }) => name.startsWith('POST'))?.attributes['http.response.status_code']).toBe(
    502,
  );
  expect(JSON.stringify(spans.map(({ attributes, events }) => ({ attributes, events })))).not.toContain(
    '17 * 23',
  );
});
