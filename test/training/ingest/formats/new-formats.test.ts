import { mkdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { logLines } from './cases/log-case.ts';
import { logFixture, tableRows } from './log-fixture.ts';

const { ingest, out, path, write } = logFixture();

const generation = {
  generation_id: 'gen-1',
  created_at: '2026-02-06 18:54:30.040',
  cost_total: 0.001,
  tokens_prompt: 9,
  tokens_completion: 1,
  model_permaslug: 'openai/gpt-4o-mini',
};
const record = {
  index: 1,
  prompt: 'What is 2+2?',
  prediction: '4',
  ground_truth: '4',
  score: 1,
  prompt_tokens: 15,
  completion_tokens: 5,
  cost: 0.0001,
};

test.each([
  ['activity.csv', `${Object.keys(generation).join()}\n${Object.values(generation).join()}\n`],
  ['activity.jsonl', logLines([generation])],
  [
    'sums.json',
    JSON.stringify({ data: [{ date: '2026-02-06', model: 'openai/gpt-4o-mini', usage: 0.01, requests: 5 }] }),
  ],
  [
    'generation.json',
    JSON.stringify({ data: { id: 'gen-2', model: 'openai/gpt-4o-mini', total_cost: 0.001 } }),
  ],
])('the activity of OpenRouter in %s is refused with what to do', async (name, content) => {
  await expect(ingest([write(name, content)], { format: 'openrouter' })).rejects.toThrow(
    /1 × the activity of OpenRouter holds no prompts: log requests .*--format openai.* broadcast them to Langfuse/,
  );
});

test('records of one index are one request to several models, told by their folders where the files do not say', async () => {
  const file = (records: readonly object[], more: object = {}): string =>
    JSON.stringify({ cost: 0.15, counts: 1, ...more, records }, null, 2);
  const inFolder = (model: string): string => {
    const folder = `bench/aime/test/${model}`;
    mkdirSync(path(folder), { recursive: true });
    return `${folder}/20260101.json`;
  };
  const files = [
    write(inFolder('gpt-5'), file([record])),
    write(inFolder('Qwen3-8B'), file([{ ...record, score: 0, cost: 0 }], { cost: 0 })),
  ];
  await ingest(files, { format: 'llmrouterbench' });
  const rows = await tableRows(out);
  const told = rows.map(({ requestId, candidate, task, quality, costUsd }) => ({
    requestId,
    candidate,
    task,
    quality,
    costUsd,
  }));
  expect(told).toHaveLength(2);
  const shared = { requestId: 'aime/test/1', task: 'aime' };
  expect(told).toContainEqual({ ...shared, candidate: 'gpt-5', quality: 1, costUsd: 0.0001 });
  expect(told).toContainEqual({ ...shared, candidate: 'Qwen3-8B', quality: 0, costUsd: undefined });
});
