import { LOG_REASONS, type LogDocument, type LogReader } from '../record/format.ts';
import { readConversation } from '../record/messages.ts';
import { firstGiven, isObject, listOf, numberOf, textOf } from '../record/values.ts';

/**
 * Result files of LLMRouterBench (README, "Result File Structure"): `bench/<dataset>/<split>/<model>/<time>.json`, with all
 * answers of one model in `records`. The file's own names of model and dataset come first, then those of its path. Records
 * of one dataset and index are one request to several candidates.
 */
export const llmrouterbenchLog: LogReader = {
  signs: [
    ['records', 'model_name'],
    ['records', 'dataset_name'],
    ['origin_query', 'prediction'],
  ],
  fields: null,
  *read(document, path = '') {
    const records = listOf(document.records)?.filter(isObject) ?? [];
    const place = placeOf(document, path);
    if (records.length > 0)
      for (const record of records) yield { kind: 'call', ...callOf(record, document, place) };
    else if (document.prompt !== undefined || document.origin_query !== undefined)
      yield { kind: 'call', ...callOf(document, document, place) };
    else yield { kind: 'refused', reason: LOG_REASONS.noCall };
  },
};

interface Place {
  readonly dataset: string | null;
  readonly split: string | null;
  readonly model: string | null;
}

function placeOf(document: LogDocument, path: string): Place {
  const folders = path.split(/[\\/]/);
  const bench = folders.lastIndexOf('bench');
  const [dataset, split, model] = bench >= 0 ? folders.slice(bench + 1, -1) : [];
  return {
    dataset: textOf(firstGiven(document, ['dataset_name', 'dataset_id', 'dataset'])) ?? dataset ?? null,
    split: textOf(document.split) ?? split ?? null,
    model: textOf(firstGiven(document, ['model_name', 'model'])) ?? model ?? null,
  };
}

function callOf(
  record: LogDocument,
  file: LogDocument,
  { dataset, split, model }: Place,
): { row: Record<string, unknown>; answer: string | null; record: LogDocument } {
  const index = textOf(firstGiven(record, ['index', 'record_index', 'id']));
  const cost = numberOf(record.cost);
  // Costs are given for the large models only: the small ones were run on machines of their own, and have 0 throughout.
  const isPriced = cost !== 0 || (numberOf(file.cost) ?? 0) > 0;
  return {
    row: {
      requestId:
        index === null ? undefined : [dataset, split, index].filter((each) => each !== null).join('/'),
      ...readConversation(firstGiven(record, ['prompt', 'origin_query'])),
      task: dataset,
      candidate: model,
      quality: record.score,
      costUsd: isPriced ? cost : null,
      // The file has the time of all its records together.
      latencyMs: null,
      inputTokens: record.prompt_tokens,
      outputTokens: record.completion_tokens,
      source: 'llmrouterbench',
      metadata: {},
    },
    answer: textOf(firstGiven(record, ['raw_output', 'prediction'])),
    record,
  };
}
