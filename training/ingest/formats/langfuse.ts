import {
  LOG_REASONS,
  type LogDocument,
  type LogEntry,
  type LogReader,
  type RefusedEntry,
  type ScoreEntry,
} from '../record/format.ts';
import { readConversation } from '../record/messages.ts';
import { readAnswered } from '../record/response.ts';
import {
  firstGiven,
  isObject,
  labelScore,
  listOf,
  millisecondsBetween,
  numberOf,
  objectOf,
  textOf,
} from '../record/values.ts';

/**
 * Langfuse's observations and scores, in one file or several: exports to blob storage (snake case), the API (camel case),
 * traces with both in them, and the exports of its pages, which have a column for each score. A score of an observation
 * counts for it; one of a trace for each generation of the trace.
 */
export const langfuseLog: LogReader = {
  signs: [
    ['provided_model_name', 'trace_id'],
    ['providedModelName', 'traceId'],
    ['type', 'trace_id', 'start_time'],
    ['type', 'traceId', 'startTime'],
    ['name', 'trace_id', 'observation_id'],
    ['name', 'traceId', 'observationId'],
    ['name', 'trace_id', 'data_type'],
    ['name', 'traceId', 'dataType'],
    ['name', 'subject', 'dataType'],
    ['observations', 'projectId'],
  ],
  fields: null,
  *read(document) {
    if (isScore(document)) yield scoreOf(document);
    else if (isGeneration(document)) {
      yield { kind: 'call', row: rowOf(document), ...readAnswered(document.output) };
      yield* scoreColumns(document);
      yield* scoresWithin(document);
    } else {
      // A trace tells of no call itself; the API puts its observations and scores into it.
      const parts = [...(listOf(document.observations) ?? []), ...(listOf(document.scores) ?? [])].filter(
        isObject,
      );
      if (parts.length === 0) yield { kind: 'refused', reason: LOG_REASONS.noCall };
      for (const part of parts) yield* langfuseLog.read(part);
    }
  },
};

function isScore(document: LogDocument): boolean {
  if (firstGiven(document, ['data_type', 'dataType']) !== undefined) return true;
  const target = firstGiven(document, ['observation_id', 'observationId', 'trace_id', 'traceId', 'subject']);
  const value = document.value ?? firstGiven(document, ['string_value', 'stringValue']);
  return document.type === undefined && target !== undefined && value != null && document.name != null;
}

/** The page of generations exports them without a type. */
function isGeneration(document: LogDocument): boolean {
  const type = textOf(document.type);
  if (type !== null) return type.toUpperCase() === 'GENERATION';
  return document.input !== undefined && modelOf(document) !== undefined;
}

function modelOf(document: LogDocument): unknown {
  return firstGiven(document, ['provided_model_name', 'providedModelName', 'model']);
}

function scoreOf(document: LogDocument): LogEntry {
  const subject = objectOf(document.subject);
  const kind = textOf(subject?.kind);
  const ofSubject = (wanted: string): unknown => (kind === wanted ? subject?.id : undefined);
  const observation = textOf(
    firstGiven(document, ['observation_id', 'observationId']) ?? ofSubject('observation'),
  );
  const trace = textOf(
    firstGiven(document, ['trace_id', 'traceId']) ?? ofSubject('trace') ?? subject?.traceId,
  );
  if (observation === null && trace === null && (kind !== null || isOfGroup(document)))
    return { kind: 'refused', reason: LOG_REASONS.scoreOfOther };
  const score = {
    of: observation === null ? 'trace' : 'call',
    id: observation ?? trace ?? '',
    name: textOf(document.name) ?? 'score',
    at: textOf(firstGiven(document, ['timestamp', 'updated_at', 'updatedAt'])),
  } as const;
  const label = firstGiven(document, ['string_value', 'stringValue']);
  switch (String(firstGiven(document, ['data_type', 'dataType']) ?? '').toUpperCase()) {
    // Their `value` is 0, and theirs alone is the text.
    case 'TEXT':
    case 'CORRECTION':
      return { kind: 'refused', reason: LOG_REASONS.scoreInWords };
    // Its `value` is the place of the category in the score's configuration, not how good it is.
    case 'CATEGORICAL':
      return labelScore(score, label ?? (typeof document.value === 'string' ? document.value : undefined));
    case 'BOOLEAN': {
      const value = firstGiven(document, ['value']) ?? label;
      const number = numberOf(value);
      if (number === 0 || number === 1) return { kind: 'score', ...score, value: number === 1 };
      if (value == null) return { kind: 'refused', reason: LOG_REASONS.scoreNotNumber };
      return typeof value === 'string' ? labelScore(score, value) : { kind: 'score', ...score, value };
    }
    case 'NUMERIC':
      return { kind: 'score', ...score, value: document.value };
    // Without a type, `value` may be the place of the category that the label names.
    default:
      return label === undefined
        ? { kind: 'score', ...score, value: document.value }
        : labelScore(score, label);
  }
}

/** Whether a score names a session or an experiment. */
function isOfGroup(document: LogDocument): boolean {
  const group = firstGiven(document, [
    'session_id',
    'sessionId',
    'dataset_run_id',
    'datasetRunId',
    'experimentId',
  ]);
  return group !== undefined;
}

/** Columns of Langfuse's own that hold lists; every other list is the scores of one name. */
const LISTS = [
  'tags',
  'traceTags',
  'trace_tags',
  'input',
  'output',
  'comments',
  'toolCalls',
  'tool_calls',
  'toolCallNames',
  'tool_call_names',
  'toolDefinitions',
  'tool_definitions',
  'toolDefinitionNames',
  'metadata',
  'observations',
  'scores',
];

/** Scores that an observation holds itself: in a list, or by their names. */
function* scoresWithin(document: LogDocument): Generator<LogEntry> {
  const named = objectOf(document.scores);
  if (named !== null) yield* scoreColumns({ ...named, id: document.id, endTime: document.endTime });
  for (const score of listOf(document.scores) ?? [])
    if (isObject(score) && isScore({ observationId: document.id, ...score }))
      yield scoreOf({ observationId: document.id, ...score });
}

function* scoreColumns(document: LogDocument): Generator<ScoreEntry | RefusedEntry> {
  for (const [name, column] of Object.entries(document)) {
    if (LISTS.includes(name) || column == null) continue;
    const values = listOf(column);
    if (values === null || values.length === 0) continue;
    const at = textOf(firstGiven(document, ['endTime', 'end_time', 'startTime', 'start_time']));
    const score = { of: 'call', id: textOf(document.id) ?? '', name, at, isColumn: true } as const;
    const numbers = values.map(numberOf);
    if (values.every((value) => typeof value === 'boolean'))
      yield { kind: 'score', ...score, value: values.at(-1) };
    // Several of one name have no times to tell the last by: their mean, as Langfuse's own pages show it.
    else if (numbers.every((number) => number !== null))
      yield {
        kind: 'score',
        ...score,
        value: numbers.reduce((sum, number) => sum + number, 0) / numbers.length,
      };
    else if (values.every((value) => typeof value === 'string')) yield labelScore(score, values.at(-1));
  }
}

function rowOf(document: LogDocument): Record<string, unknown> {
  const failed = textOf(document.level)?.toUpperCase() === 'ERROR';
  const startTime = firstGiven(document, ['start_time', 'startTime']);
  const duration = millisecondsBetween(startTime, firstGiven(document, ['end_time', 'endTime']));
  const latency = numberOf(document.latency);
  // Seconds; milliseconds in exports of integrations that were set up before 2026-04-01, as their times tell.
  const isInMilliseconds =
    latency !== null &&
    duration !== null &&
    Math.abs(latency - duration) < Math.abs(latency * 1000 - duration);
  const inMs = (value: number | null): number | null =>
    value === null ? null : isInMilliseconds ? value : Math.round(value * 1e6) / 1e3;
  const first =
    millisecondsBetween(startTime, firstGiven(document, ['completion_start_time', 'completionStartTime'])) ??
    inMs(numberOf(firstGiven(document, ['time_to_first_token', 'timeToFirstToken'])));
  const metadata = objectOf(document.metadata);
  return {
    requestId: document.id,
    timestamp: startTime,
    ...readConversation(document.input),
    task: metadata?.task,
    tier: metadata?.tier,
    candidate: modelOf(document),
    costUsd: failed ? null : costOf(document),
    latencyMs: failed ? null : (duration ?? inMs(latency)),
    ...tokensOf(document),
    source: 'langfuse',
    metadata: {
      traceId: textOf(firstGiven(document, ['trace_id', 'traceId'])) ?? undefined,
      timeToFirstTokenMs: failed ? undefined : (first ?? undefined),
      failed: failed || undefined,
    },
  };
}

/** In the whole, 0 also stands for a model whose price Langfuse does not know; its parts tell which it is. */
function costOf(document: LogDocument): unknown {
  const costs = objectOf(firstGiven(document, ['cost_details', 'costDetails']));
  if (numberOf(costs?.total) !== null) return costs?.total;
  const whole = firstGiven(document, ['total_cost', 'totalCost', 'calculatedTotalCost']);
  if (numberOf(whole) !== 0) return whole;
  const parts = [...Object.values(costs ?? {}), document.inputCost, document.outputCost].filter(
    (part) => numberOf(part) !== null,
  );
  return parts.length > 0 ? 0 : null;
}

const CACHE_WRITE = /cache.?(creation|write)|ephemeral/i;

/** How long it is kept: `ephemeral_5m`, `cache_creation_1h`. */
const LIFETIME = /ephemeral|(creation|write).*_\d+[mh]/i;

function tokensOf(document: LogDocument): Record<'inputTokens' | 'outputTokens', unknown> {
  const usage = objectOf(firstGiven(document, ['usage_details', 'usageDetails']) ?? document.usage);
  const unit = textOf(usage?.unit ?? document.unit);
  if (unit !== null && unit.toUpperCase() !== 'TOKENS') return { inputTokens: null, outputTokens: null };
  const sum = (kinds: readonly RegExp[]): number | null => {
    const counts = Object.entries(usage ?? {})
      .filter(([kind]) => kinds.some((each) => each.test(kind)) && !/cost|price/i.test(kind))
      .flatMap(([kind, value]) => {
        const count = numberOf(value);
        return count === null ? [] : { kind, count };
      });
    const total = (of: typeof counts) => of.reduce((all, { count }) => all + count, 0);
    const written = counts.filter(({ kind }) => CACHE_WRITE.test(kind));
    const byLifetime = written.filter(({ kind }) => LIFETIME.test(kind));
    // What was written to a cache comes as a whole, by lifetimes, or both ways.
    const twice = Math.min(total(byLifetime), total(written) - total(byLifetime));
    return counts.length === 0 ? null : total(counts) - twice;
  };
  // Kinds of usage exclude each other (`input`, `input_cached_tokens`), so a direction's kinds are added up.
  const input = sum([/input|prompt/i, /^cache(?!.*output)/i]);
  const output = sum([/output|completion/i, /^reasoning/i]);
  // Some libraries count a kind within another, and then the total is that of the two alone.
  const total = numberOf(firstGiven(usage, ['total', 'total_tokens', 'totalTokens']));
  const plainIn = numberOf(firstGiven(usage, ['input', 'prompt_tokens', 'promptTokens', 'input_tokens']));
  const plainOut = numberOf(
    firstGiven(usage, ['output', 'completion_tokens', 'completionTokens', 'output_tokens']),
  );
  const isWithin = total !== null && plainIn !== null && plainOut !== null && plainIn + plainOut === total;
  return {
    inputTokens:
      (isWithin ? plainIn : input) ?? firstGiven(document, ['inputUsage', 'promptTokens', 'inputTokens']),
    outputTokens:
      (isWithin ? plainOut : output) ??
      firstGiven(document, ['outputUsage', 'completionTokens', 'outputTokens']),
  };
}
