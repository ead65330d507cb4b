/**
 * Tells OpenTelemetry of executions: a span for each, and one for each attempt.
 */
import type * as Api from '@opentelemetry/api';
import type { Span, Tracer } from '@opentelemetry/api';
import { MissingPackageError } from './errors.ts';
import type { Answer } from './execution/answer.ts';
import type { Attempt, AttemptRole, PlannedExecution } from './execution/attempt.ts';
import type { AttemptSpan, ExecutionEnd, ExecutionSpan, Telemetry } from './execution/options.ts';
import type { Message, Request } from './request.ts';

/** Which tracer is told of executions, and how much. */
export interface OpenTelemetryOptions {
  /** @default the global tracer named `pointsman` */
  readonly tracer?: Tracer;
  /** Whether prompts and answers go into the spans: they may hold what nobody else should read. @default false */
  readonly recordContent?: boolean;
  /** `gen_ai.provider.name` of a candidate, such as `openai`. @default 'pointsman' for each */
  readonly providerOf?: (candidate: string) => string;
}

/**
 * One span for an execution, and below it one for each attempt that was sent, with the attributes of OpenTelemetry's
 * semantic conventions for generative AI (1.37). What a client does while it is called belongs to its attempt.
 *
 * @throws MissingPackageError when `@opentelemetry/api` is not installed.
 * @example
 * const telemetry = await loadOpenTelemetry();
 * await execute(router, request, clients, { telemetry });
 */
export async function loadOpenTelemetry(options: OpenTelemetryOptions = {}): Promise<Telemetry> {
  const api = await importApi();
  return {
    begin(planned, request) {
      const tracer = options.tracer ?? api.trace.getTracer('pointsman');
      const span = tracer.startSpan('pointsman.execute', { attributes: executionAttributes(planned) });
      return executionSpan({ api, tracer, options }, span, request);
    },
  };
}

async function importApi(): Promise<typeof Api> {
  try {
    return await import('@opentelemetry/api');
  } catch (cause) {
    throw new MissingPackageError('@opentelemetry/api', 'Telling OpenTelemetry of executions', { cause });
  }
}

interface Telling {
  readonly api: typeof Api;
  readonly tracer: Tracer;
  readonly options: OpenTelemetryOptions;
}

function executionSpan(telling: Telling, span: Span, request: Request): ExecutionSpan {
  const { api, options } = telling;
  const around = api.trace.setSpan(api.context.active(), span);
  if (options.recordContent === true) span.setAttributes(inputMessages(request));
  return {
    attempt: (candidate, role, retry, sent) => attemptSpan(telling, around, { candidate, role, retry }, sent),
    end({ candidate, costUsd, errorCode }: ExecutionEnd) {
      span.setAttribute('pointsman.cost_usd', costUsd);
      if (candidate !== null) span.setAttribute('pointsman.candidate', candidate);
      if (errorCode !== null) endInError(api, span, errorCode);
      span.end();
    },
  };
}

interface Started {
  readonly candidate: string;
  readonly role: AttemptRole;
  readonly retry: number;
}

function attemptSpan(
  { api, tracer, options }: Telling,
  around: Api.Context,
  started: Started,
  request: Request,
): AttemptSpan {
  const isTool = started.role === 'tool';
  const operation = isTool ? 'execute_tool' : 'chat';
  const span = tracer.startSpan(
    `${operation} ${started.candidate}`,
    {
      kind: isTool ? api.SpanKind.INTERNAL : api.SpanKind.CLIENT,
      attributes: {
        'gen_ai.operation.name': operation,
        ...(isTool
          ? { 'gen_ai.tool.name': started.candidate }
          : {
              'gen_ai.provider.name': options.providerOf?.(started.candidate) ?? 'pointsman',
              'gen_ai.request.model': started.candidate,
            }),
        'pointsman.role': started.role,
        'pointsman.retry': started.retry,
      },
    },
    around,
  );
  if (options.recordContent === true && !isTool) span.setAttributes(inputMessages(request));
  const inside = api.trace.setSpan(around, span);
  return {
    run: (work) => api.context.with(inside, work),
    end(attempt, answer) {
      span.setAttributes(attemptAttributes(attempt, answer));
      if (answer !== null && options.recordContent === true) span.setAttributes(outputMessages(answer));
      if (attempt.error !== null && answer === null) {
        endInError(
          api,
          span,
          attempt.error.status === null ? attempt.error.code : String(attempt.error.status),
        );
      }
      span.end();
    },
  };
}

/** The error's code alone: a message may quote what was sent. */
function endInError(api: typeof Api, span: Span, code: string): void {
  span.setAttribute('error.type', code);
  span.setStatus({ code: api.SpanStatusCode.ERROR });
}

function executionAttributes({ plan, routerMs }: PlannedExecution): Record<string, string | number> {
  return {
    'pointsman.plan': plan.kind,
    ...(routerMs === undefined ? {} : { 'pointsman.router_ms': routerMs }),
  };
}

function attemptAttributes(
  attempt: Attempt,
  answer: Answer | null,
): Record<string, string | number | string[]> {
  const { inputTokens, outputTokens, costUsd, firstChunkMs } = attempt;
  return {
    'pointsman.state': attempt.state,
    ...(inputTokens === null ? {} : { 'gen_ai.usage.input_tokens': inputTokens }),
    ...(outputTokens === null ? {} : { 'gen_ai.usage.output_tokens': outputTokens }),
    ...(costUsd === null ? {} : { 'pointsman.cost_usd': costUsd }),
    ...(firstChunkMs === null ? {} : { 'pointsman.first_chunk_ms': firstChunkMs }),
    ...(answer === null || attempt.role === 'tool'
      ? {}
      : { 'gen_ai.response.finish_reasons': [finishReason(answer)] }),
    ...(answer?.model == null ? {} : { 'gen_ai.response.model': answer.model }),
  };
}

/** As the conventions spell it. */
function finishReason({ finishReason: reason }: Answer): string {
  return reason === 'tool-calls' ? 'tool_call' : reason.replace('-', '_');
}

/** `gen_ai.input.messages` of the semantic conventions, as JSON. Parts that are no text are named and left out. */
function inputMessages(request: Request): { readonly 'gen_ai.input.messages': string } {
  const messages = request.messages ?? [{ role: 'user', content: request.text ?? '' }];
  return { 'gen_ai.input.messages': JSON.stringify(messages.map(inputMessage)) };
}

/** `gen_ai.output.messages`, as JSON. */
function outputMessages(answer: Answer): { readonly 'gen_ai.output.messages': string } {
  const calls = answer.toolCalls.map((call) => ({
    type: 'tool_call',
    id: call.id,
    name: call.name,
    arguments: call.arguments,
  }));
  const parts = [...(answer.text === '' ? [] : [{ type: 'text', content: answer.text }]), ...calls];
  const message = { role: 'assistant', parts, finish_reason: answer.finishReason };
  return { 'gen_ai.output.messages': JSON.stringify([message]) };
}

function inputMessage({ role, content }: Message): unknown {
  if (typeof content === 'string') return { role, parts: [{ type: 'text', content }] };
  const parts = (content ?? []).map((part) =>
    part.type === 'text' ? { type: 'text', content: (part as { text?: unknown }).text } : { type: part.type },
  );
  return { role, parts };
}
