import { LOG_REASONS, type LogDocument, type LogReader } from '../record/format.ts';
import { readRequest } from '../record/messages.ts';
import { answered, errorOf, readResponse } from '../record/response.ts';
import { firstGiven, objectOf, readLogUsage, textOf } from '../record/values.ts';

/**
 * Batches of Gemini: the input and output files of its API, whose lines are joined by `key` (ai.google.dev, "Batch API"),
 * and the output of Vertex AI, which has request, response and status in one line (cloud.google.com, "Get batch
 * inferences for Gemini"). Neither says what a line cost, nor how long it took.
 */
export const geminiLog: LogReader = {
  signs: [['request.contents'], ['response.usageMetadata'], ['response.candidates'], ['key', 'response']],
  promptNotFound: LOG_REASONS.batchInputMissing,
  fields: null,
  *read(document) {
    const request = requestOf(document);
    const response = readResponse(document.response);
    const isEmpty = response.body !== null && Object.keys(response.body).length === 0;
    const error = errorIn(document) ?? response.error;
    const key = textOf(firstGiven(document, ['key', 'custom_id']) ?? objectOf(document.metadata)?.key);
    const isEmbedding = response.body?.embedding !== undefined || request?.content !== undefined;
    if (isEmbedding) yield { kind: 'refused', reason: LOG_REASONS.noCall };
    else if (error === null && (!response.given || isEmpty)) {
      if (key === null || request === null) yield { kind: 'refused', reason: LOG_REASONS.unanswered };
      else yield { kind: 'prompt', id: key, traceId: null, row: askedOf(request), at: null };
    } else
      yield {
        kind: 'call',
        row: {
          requestId: key ?? response.body?.responseId,
          timestamp: firstGiven(document, ['processed_time', 'processedTime']) ?? response.body?.createTime,
          ...(request === null ? {} : askedOf(request)),
          candidate: modelOf(request?.model) ?? response.body?.modelVersion,
          costUsd: null,
          latencyMs: null,
          ...readLogUsage(firstGiven(response.body, ['usageMetadata', 'usage_metadata'])),
          source: 'gemini',
          metadata: {
            failed: error !== null || undefined,
            error: error === null || error === 'error' ? undefined : error,
          },
        },
        ...answered(response),
        promptMayBeApart: key !== null,
      };
  },
};

function requestOf(document: LogDocument): LogDocument | null {
  const request = objectOf(document.request);
  return request ?? (document.contents === undefined ? null : document);
}

function askedOf(request: LogDocument): Record<string, unknown> {
  const labels = objectOf(request.labels) ?? {};
  return { ...readRequest(request), candidate: modelOf(request.model), task: labels.task, tier: labels.tier };
}

/** The API writes `models/` before the name. */
function modelOf(value: unknown): string | undefined {
  return textOf(value)?.replace(/^models\//, '');
}

/** Vertex AI writes an empty status where all went well, else a text; the API an object with code and message. */
function errorIn(document: LogDocument): string | null {
  const error = errorOf(document);
  if (error !== null) return error;
  const status = objectOf(document.status);
  if (status !== null)
    return status.code == null || status.code === 0 ? null : (textOf(status.code) ?? 'error');
  const text = textOf(document.status)?.trim() ?? '';
  return /^(|0|ok|success|succeeded|job_state_succeeded)$/i.test(text) ? null : 'error';
}
