import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { executePlan, executePlanStream, UpstreamError } from 'pointsman/execution';
import type { ClientMap, PlannedExecution } from 'pointsman/internal';
import { loadOpenTelemetry, type OpenTelemetryOptions } from 'pointsman/telemetry';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { manualClock } from './execution/manual-clock.ts';
import { DONE, fails, says, streams } from './execution/scripted-clients.ts';

const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
const tracer = provider.getTracer('test');
beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
beforeEach(() => exporter.reset());
afterAll(() => context.disable());

const SECRET = 'the secret recipe';
const plan: PlannedExecution = { plan: { kind: 'call', candidate: 'a' }, fallback: ['b'], routerMs: 3 };
const down = fails(new UpstreamError(`Cannot read ${SECRET}`, { status: 503 }));
const answers = says(`About ${SECRET}.`, {
  usage: { inputTokens: 7, outputTokens: 2 },
  costUsd: 0.5,
  model: 'b-2026',
});

async function spansOf(clients: ClientMap, options: OpenTelemetryOptions = {}) {
  const telemetry = await loadOpenTelemetry({ tracer, ...options });
  const settings = { telemetry, retries: 0, clock: manualClock() };
  await executePlan(plan, { text: `Tell me ${SECRET}` }, clients, settings).catch(() => {});
  return exporter.getFinishedSpans();
}

describe('the spans of an execution', () => {
  it('are one for the whole, and one below it for each attempt', async () => {
    const [first, second, whole] = await spansOf({ a: down, b: answers });
    expect([first, second, whole].map(({ name, kind }) => [name, kind])).toEqual([
      ['chat a', SpanKind.CLIENT],
      ['chat b', SpanKind.CLIENT],
      ['pointsman.execute', SpanKind.INTERNAL],
    ]);
    expect([first, second].map((span) => span.parentSpanContext?.spanId)).toEqual([
      whole.spanContext().spanId,
      whole.spanContext().spanId,
    ]);
    expect(first.status.code).toBe(SpanStatusCode.ERROR);
    expect(first.attributes).toMatchObject({
      'error.type': '503',
      'pointsman.state': 'failed',
      'pointsman.retry': 0,
    });
    expect(second.attributes).toEqual({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'pointsman',
      'gen_ai.request.model': 'b',
      'gen_ai.response.finish_reasons': ['stop'],
      'gen_ai.response.model': 'b-2026',
      'gen_ai.usage.input_tokens': 7,
      'gen_ai.usage.output_tokens': 2,
      'pointsman.cost_usd': 0.5,
      'pointsman.retry': 0,
      'pointsman.role': 'fallback',
      'pointsman.state': 'answered',
    });
    expect(whole.attributes).toEqual({
      'pointsman.plan': 'call',
      'pointsman.router_ms': 3,
      'pointsman.cost_usd': 0.5,
      'pointsman.candidate': 'b',
    });
  });

  it('say nothing of what was asked and answered, unless they are told to', async () => {
    const shown = (spans: Awaited<ReturnType<typeof spansOf>>) =>
      JSON.stringify(
        spans.map(({ name, attributes, events, status }) => ({ name, attributes, events, status })),
      );
    expect(shown(await spansOf({ a: down, b: answers }))).not.toContain(SECRET);
    exporter.reset();
    const spans = await spansOf({ a: down, b: answers }, { recordContent: true, providerOf: () => 'openai' });
    expect(spans[1].attributes['gen_ai.provider.name']).toBe('openai');
    expect(JSON.parse(String(spans[1].attributes['gen_ai.input.messages']))).toEqual([
      { role: 'user', parts: [{ type: 'text', content: `Tell me ${SECRET}` }] },
    ]);
    expect(JSON.parse(String(spans[1].attributes['gen_ai.output.messages']))).toEqual([
      { role: 'assistant', parts: [{ type: 'text', content: `About ${SECRET}.` }], finish_reason: 'stop' },
    ]);
  });

  it('end in an error when the execution does', async () => {
    const spans = await spansOf({ a: down, b: down });
    expect(spans.at(-1)?.attributes['error.type']).toBe('EXECUTION_FAILED');
    expect(spans.at(-1)?.status.code).toBe(SpanStatusCode.ERROR);
  });

  it('are around what the client does, and below what the caller does', async () => {
    let inside: string | undefined;
    const outer = tracer.startSpan('outer');
    await context.with(trace.setSpan(context.active(), outer), () =>
      spansOf({
        a: async () => {
          inside = trace.getActiveSpan()?.spanContext().spanId;
          return { text: 'x' };
        },
        b: answers,
      }),
    );
    const [attempt, whole] = exporter.getFinishedSpans();
    expect(inside).toBe(attempt.spanContext().spanId);
    expect(whole.parentSpanContext?.spanId).toBe(outer.spanContext().spanId);
  });

  it('hold how long a stream took to begin, and name tools', async () => {
    const clock = manualClock();
    const telemetry = await loadOpenTelemetry({ tracer });
    const opening = executePlanStream(
      {
        plan: {
          kind: 'tool',
          tool: 'look-up',
          before: null,
          after: { kind: 'call', candidate: 'a' },
          otherwise: { kind: 'call', candidate: 'a' },
        },
        fallback: [],
      },
      { text: 'x' },
      { a: streams(clock, 40, 'x', DONE) },
      { clock, telemetry, tools: { 'look-up': () => 'found' } },
    );
    await clock.advance(40);
    for await (const _ of await opening);
    const [tool, chat] = exporter.getFinishedSpans();
    expect(tool.attributes).toMatchObject({
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': 'look-up',
    });
    expect(chat.attributes['pointsman.first_chunk_ms']).toBe(40);
  });

  it('are sent nowhere where no tracer is registered', async () => {
    const telemetry = await loadOpenTelemetry();
    const { answer } = await executePlan(plan, { text: 'x' }, { a: answers, b: answers }, { telemetry });
    expect(answer.text).toContain('About');
  });
});
