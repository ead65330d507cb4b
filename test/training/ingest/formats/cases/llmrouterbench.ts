import type { FormatCases } from './log-case.ts';

const record = {
  index: 1,
  origin_query: 'What is 2+2?',
  prompt: 'Question: What is 2+2?\nAnswer:',
  prediction: '4',
  ground_truth: '4',
  score: 1,
  prompt_tokens: 15,
  completion_tokens: 5,
  cost: 0.0001,
  raw_output: 'The sum of 2+2 is 4.',
};
const file = (records: readonly object[], more: object = {}): object => ({
  performance: 0.5,
  time_taken: 120.5,
  cost: 0.15,
  counts: records.length,
  model_name: 'gpt-5',
  dataset_name: 'aime',
  split: 'test',
  records,
  ...more,
});

export const LLMROUTERBENCH: FormatCases = {
  records: [
    {
      title: 'the records of a file',
      record: file([record]),
      requestId: 'aime/test/1',
      row: {
        text: record.prompt,
        candidate: 'gpt-5',
        task: 'aime',
        answer: record.raw_output,
        quality: 1,
        costUsd: 0.0001,
        latencyMs: undefined,
        inputTokens: 15,
        outputTokens: 5,
        metadata: {},
      },
    },
    {
      title: 'a record without a score',
      record: file([{ ...record, index: 2, score: null }]),
      requestId: 'aime/test/2',
      row: { quality: undefined, costUsd: 0.0001 },
    },
    {
      title: 'costs of 0 in the file of a model without prices',
      record: file([{ ...record, index: 3, cost: 0 }], { cost: 0, model_name: 'Qwen3-8B' }),
      requestId: 'aime/test/3',
      row: { candidate: 'Qwen3-8B', costUsd: undefined },
    },
    {
      title: 'a prompt without words',
      record: file([{ ...record, index: 4, prompt: ' ', origin_query: null }]),
      requestId: 'aime/test/4',
      refused: 'no words of the user were found in the prompt',
    },
    {
      title: 'a file without records',
      record: file([]),
      requestId: 'none',
      refused: 'the record is no call of a language model',
    },
  ],
};
