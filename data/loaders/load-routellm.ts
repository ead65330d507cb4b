import { basename } from 'node:path';
import { InvalidInputError } from 'pointsman';
import { readCell } from './read-cell.ts';
import { tableRows } from './table-rows.ts';
import type { WideOutcome, WidePrompt } from './wide-prompt.ts';

/**
 * RouteLLM's answer tables (github.com/lm-sys/RouteLLM, Apache-2.0: `routellm/evals/mmlu/responses/mmlu_<subject>.csv`,
 * `routellm/evals/gsm8k/gsm8k_responses.csv`): a `prompt` column and one True/False column a model. The task is the
 * file's name; `<model>_response` columns are passed over; there are no costs.
 * @param contaminated prompts to leave out, as RouteLLM leaves out those of its `contaminated_prompts.jsonl`.
 * @throws InvalidInputError when there is no prompt column, or no model column beside it.
 */
export async function* loadRouteLlm(
  file: string,
  contaminated: ReadonlySet<string> = new Set(),
): AsyncGenerator<WidePrompt> {
  const name = basename(file)
    .replace(/\.csv(\.gz)?$|\.parquet$/i, '')
    .replace(/_responses$/, '');
  let number = 0;
  let models: string[] | null = null;
  for await (const row of tableRows(file)) {
    models ??= modelColumns(file, Object.keys(row));
    const id = `${name.replace('_', '-')}-${number++}`;
    const { prompt } = row;
    if (typeof prompt !== 'string' || contaminated.has(prompt)) continue;
    const outcomes: Record<string, WideOutcome> = {};
    for (const model of models) outcomes[model] = { quality: readCell(row[model]), cost_usd: null };
    yield { id, prompt, task: name.replace(/^mmlu_/, ''), source: 'lm-sys/RouteLLM', outcomes };
  }
}

function modelColumns(file: string, columns: readonly string[]): string[] {
  const models = columns.filter((column) => column !== 'prompt' && !column.endsWith('_response'));
  if (columns.includes('prompt') && models.length > 0) return models;
  throw new InvalidInputError(
    `Columns of "${file}" must be \`prompt\` and one per model. Got ${columns.join(', ')}. Take a table of RouteLLM's routellm/evals folder.`,
  );
}
