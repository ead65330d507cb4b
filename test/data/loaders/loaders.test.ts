import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { writePrompts } from '../../../data/load-public.ts';
import { loadRouteLlm } from '../../../data/loaders/load-routellm.ts';
import { loadRouterBench } from '../../../data/loaders/load-routerbench.ts';
import { pythonList } from '../../../data/loaders/python-list.ts';
import { readCell } from '../../../data/loaders/read-cell.ts';
import type { WidePrompt } from '../../../data/loaders/wide-prompt.ts';
import { ingestOutcomes } from '../../../training/ingest/ingest.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const { folder } = temporaryFolder();

async function file(name: string, content: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

async function all(prompts: AsyncIterable<WidePrompt>): Promise<WidePrompt[]> {
  const read: WidePrompt[] = [];
  for await (const prompt of prompts) read.push(prompt);
  return read;
}

const mmlu = `prompt,mixtral-8x7b-instruct-v0.1,gpt-4-1106-preview
"Which is a prime, said ""Ann""?
A. 4
B. 5
Answer:",False,True
What is 2 + 2?,True,True
`;
const gsm8k = `prompt,mixtral-8x7b-instruct-v0.1,gpt-4-1106-preview,mixtral-8x7b-instruct-v0.1_response,gpt-4-1106-preview_response
"Janet has 3 eggs, eats 1. How many?",True,False,"3 - 1 = 2
#### 2","One"
`;
const bench = `sample_id,prompt,eval_name,gpt-4,gpt-4|model_response,gpt-4|total_cost,mistral,mistral|model_response,mistral|total_cost,oracle_model_to_route_to
hella.val.1,"['Pick one: it\\'s A or B?\\nAnswer:']",hellaswag,1.0,"['A']",0.0021,0.0,"['B']",0.00004,gpt-4
mtbench-3,"['First turn.', ""It's the second.""]",mtbench,0.25,x,0.01,,y,,no_model_correct
plain,No list at all [yet],other,True,x,0.5,False,y,0.25,gpt-4
`;

describe('loadRouteLlm', () => {
  test('reads an MMLU subject: quality per model, no cost, the subject as task', async () => {
    const [first, second] = await all(loadRouteLlm(await file('mmlu_global_facts.csv', mmlu)));
    expect(first).toEqual({
      id: 'mmlu-global_facts-0',
      prompt: 'Which is a prime, said "Ann"?\nA. 4\nB. 5\nAnswer:',
      task: 'global_facts',
      source: 'lm-sys/RouteLLM',
      outcomes: {
        'mixtral-8x7b-instruct-v0.1': { quality: 0, cost_usd: null },
        'gpt-4-1106-preview': { quality: 1, cost_usd: null },
      },
    });
    expect(second!.id).toBe('mmlu-global_facts-1');
  });

  test('reads GSM8K without taking the answers for models', async () => {
    const [only] = await all(loadRouteLlm(await file('gsm8k_responses.csv', gsm8k)));
    expect(only).toMatchObject({ id: 'gsm8k-0', task: 'gsm8k' });
    expect(Object.keys(only!.outcomes)).toEqual(['mixtral-8x7b-instruct-v0.1', 'gpt-4-1106-preview']);
  });

  test('leaves contaminated prompts out and keeps the ids of the others', async () => {
    const kept = await all(
      loadRouteLlm(
        await file('mmlu_anatomy.csv', `${mmlu}What is 3 + 3?,True,True\n`),
        new Set(['What is 2 + 2?']),
      ),
    );
    expect(kept.map(({ id }) => id)).toEqual(['mmlu-anatomy-0', 'mmlu-anatomy-2']);
  });

  test('says which columns it needs', async () => {
    await expect(all(loadRouteLlm(await file('other.csv', 'question,answer\na,b\n')))).rejects.toThrow(
      'must be `prompt` and one per model',
    );
  });
});

describe('loadRouterBench', () => {
  test('reads quality and cost of every model, and prompts kept as Python lists', async () => {
    const prompts = await all(loadRouterBench(await file('routerbench_0shot.csv', bench)));
    expect(prompts.map(({ prompt }) => prompt)).toEqual([
      "Pick one: it's A or B?\nAnswer:",
      "First turn.\nIt's the second.",
      'No list at all [yet]',
    ]);
    expect(prompts[0]).toMatchObject({
      id: 'hella.val.1',
      task: 'hellaswag',
      outcomes: { 'gpt-4': { quality: 1, cost_usd: 0.0021 }, mistral: { quality: 0, cost_usd: 0.00004 } },
    });
    expect(prompts[1]!.outcomes).toEqual({
      'gpt-4': { quality: 0.25, cost_usd: 0.01 },
      mistral: { quality: null, cost_usd: null },
    });
    expect(prompts[2]!.outcomes.mistral).toEqual({ quality: 0, cost_usd: 0.25 });
  });

  test('reads the same from Parquet as from CSV', async () => {
    const csv = await file('same.csv', bench);
    const parquet = join(folder, 'same.parquet');
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    await connection.run(`COPY (FROM read_csv('${csv}', all_varchar = true)) TO '${parquet}'`);
    connection.closeSync();
    instance.closeSync();
    expect(await all(loadRouterBench(parquet))).toEqual(await all(loadRouterBench(csv)));
  });

  test('tells how to convert the published pickle, and never opens it', async () => {
    await expect(all(loadRouterBench('routerbench_0shot.pkl'))).rejects.toThrow(
      "pd.read_pickle('routerbench_0shot.pkl').to_parquet('routerbench_0shot.parquet')",
    );
  });

  test('says so when the file is missing, of another kind, or no table', async () => {
    await expect(all(loadRouterBench(join(folder, 'none.csv')))).rejects.toThrow('There is no file');
    await expect(all(loadRouterBench('table.xlsx'))).rejects.toThrow(
      'must be a .csv, .csv.gz or .parquet file',
    );
    await expect(all(loadRouterBench(await file('broken.parquet', 'not a table')))).rejects.toThrow(
      'cannot be read',
    );
    await expect(all(loadRouterBench(await file('mmlu_x.csv', mmlu)))).rejects.toThrow(
      '`<model>|total_cost`',
    );
  });
});

describe('what is written', () => {
  test('is read by the ingest, plain or gzipped, each prompt and candidate a row', async () => {
    for (const name of ['bench.jsonl', 'bench.jsonl.gz']) {
      const out = join(folder, name);
      expect(await writePrompts(loadRouterBench(await file('again.csv', bench)), out)).toBe(3);
      const report = await ingestOutcomes({ files: [out], out: join(folder, `${name}.parquet`) });
      expect(report.candidates).toEqual(['gpt-4', 'mistral']);
      expect(report).toMatchObject({ prompts: 3, rejected: [] });
    }
  });
});

describe('pythonList', () => {
  test('reads back any strings that Python wrote', () => {
    const repr = (text: string): string => {
      const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
      const body = text
        .replaceAll('\\', '\\\\')
        .replaceAll('\n', '\\n')
        .replaceAll('\r', '\\r')
        .replaceAll('\t', '\\t');
      return quote + (quote === "'" ? body.replaceAll("'", "\\'") : body) + quote;
    };
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' })), (texts) => {
        expect(pythonList(`[${texts.map(repr).join(', ')}]`)).toEqual(texts);
      }),
    );
  });

  test('is null, soon, for anything else', () => {
    for (const text of ['', 'x', '[', '[1, 2]', "['a' 'b']", "['a", '[]x', `['${'\\'.repeat(99_999)}']`])
      expect(pythonList(text)).toBeNull();
    expect(pythonList('[]')).toEqual([]);
    expect(pythonList("['\\x41\\u00e9\\q']")).toEqual(['Aé\\q']);
  });
});

describe('readCell', () => {
  test('reads numbers and truth values, and null for the rest', () => {
    expect([true, 'False', '0.25', 1n, ' 3e-5 ', 2].map(readCell)).toEqual([1, 0, 0.25, 1, 3e-5, 2]);
    expect([null, undefined, '', 'x', Number.NaN, [], 'Infinity'].map(readCell)).toEqual([
      null,
      null,
      null,
      null,
      null,
      null,
      null,
    ]);
  });
});
