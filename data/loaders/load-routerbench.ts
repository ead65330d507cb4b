import { InvalidInputError } from 'pointsman';
import { pythonList } from './python-list.ts';
import { readCell } from './read-cell.ts';
import { tableRows } from './table-rows.ts';
import type { WideOutcome, WidePrompt } from './wide-prompt.ts';

const costSuffix = '|total_cost';

/**
 * RouterBench (arXiv 2403.12031, dataset withmartian/routerbench) as CSV or Parquet: `sample_id`, `prompt`,
 * `eval_name`, and for each model `<model>` (quality 0 to 1) and `<model>|total_cost` (US dollars). Answers and the
 * oracle's choice are passed over. Prompts are Python lists of turns there; the turns are joined by a line break.
 * @throws InvalidInputError when those columns are not there, or for the pickle it is published as.
 */
export async function* loadRouterBench(file: string): AsyncGenerator<WidePrompt> {
  let models: string[] | null = null;
  for await (const row of tableRows(file)) {
    models ??= modelColumns(file, Object.keys(row));
    const outcomes: Record<string, WideOutcome> = {};
    for (const model of models) {
      outcomes[model] = { quality: readCell(row[model]), cost_usd: readCell(row[model + costSuffix]) };
    }
    const task = row.eval_name === null || row.eval_name === undefined ? null : String(row.eval_name);
    yield {
      id: String(row.sample_id),
      prompt: promptText(row.prompt),
      task,
      source: 'withmartian/routerbench',
      outcomes,
    };
  }
}

function modelColumns(file: string, columns: readonly string[]): string[] {
  const models = columns
    .filter((column) => column.endsWith(costSuffix))
    .map((column) => column.slice(0, -costSuffix.length))
    .filter((model) => columns.includes(model));
  if (columns.includes('sample_id') && columns.includes('prompt') && models.length > 0) return models;
  throw new InvalidInputError(
    `Columns of "${file}" must be \`sample_id\`, \`prompt\`, \`eval_name\` and, per model, \`<model>\` and \`<model>|total_cost\`. ` +
      `Got ${columns.slice(0, 12).join(', ')}. Take RouterBench's routerbench_0shot or routerbench_5shot table.`,
  );
}

function promptText(prompt: unknown): string {
  if (Array.isArray(prompt)) return prompt.map(String).join('\n');
  const text = String(prompt ?? '');
  return pythonList(text)?.join('\n') ?? text;
}
