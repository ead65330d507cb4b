import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { litellmRows } from '../../../../training/ingest/formats/litellm.ts';
import { lines } from '../ingest-fixture.ts';
import { DEEP, logLines } from './cases/log-case.ts';
import { logFixture, tableRows } from './log-fixture.ts';

const { ingest, path, write } = logFixture();
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.constantFrom('', ' \u00a0\n', 'é"\\', "it's", '日本', '"role":"user","content":"x'),
  fc.constantFrom(
    'redacted-by-litellm',
    '[REDACTED] ***',
    'REDACTED_BY_LITELM',
    'what is [hidden] here',
    '****',
  ),
);
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { freq: 4 });
const part = fc.oneof(
  fc.record({ type: fc.constant('text'), text: fc.string({ minLength: 1, maxLength: 9 }) }),
  fc.record({ type: fc.constantFrom('image_url', 'file'), image_url: fc.constant({ url: 'data:x' }) }),
);
const message = fc.record(
  {
    role: fc.constantFrom('user', 'system', 'assistant', 'tool'),
    content: fc.oneof(text, fc.constant(null), fc.array(part, { maxLength: 3 })),
    tool_calls: fc.constant([{ id: 'c', type: 'function' }]),
  },
  { requiredKeys: ['role', 'content'] },
);
const question = fc.record({ role: fc.constant('user'), content: text });
const number = fc.oneof(fc.integer({ min: 0, max: 9999 }), fc.double({ min: 0, max: 9, noNaN: true }));
const own = fc.record(
  {
    task: maybe(text),
    tier: maybe(fc.oneof(text, fc.integer({ min: 0, max: 9 }))),
    grade: maybe(fc.constantFrom(0, 1, 0.5, true, '0.25', 7)),
  },
  { requiredKeys: [] },
);
/** Payloads of every kind that a regular file holds. */
const payload = fc.record(
  {
    trace_id: maybe(fc.constantFrom('trace-1', 'a_b', '')),
    session_id: maybe(fc.constantFrom('session-1', '')),
    call_type: maybe(
      fc.constantFrom('acompletion', 'completion', 'aembedding', 'anthropic_messages', 'aget_responses', ''),
    ),
    status: maybe(fc.constantFrom('success', 'failure', '')),
    model: text,
    model_group: maybe(fc.constantFrom('mini', 'large', '')),
    messages: fc
      .tuple(fc.array(message, { maxLength: 2 }), fc.array(question, { maxLength: 1 }))
      .map(([others, questions]) => [...others, ...questions]),
    prompt_tokens: maybe(number),
    completion_tokens: maybe(fc.oneof(number, fc.constant(-1))),
    response_cost: maybe(fc.oneof(number, fc.constantFrom(0, 0, '0', '0.5'))),
    response_cost_failure_debug_info: maybe(fc.constantFrom({}, { error_str: 'unknown' })),
    zero_cost_diagnostic: fc.option(fc.constant({ reason: 'missing_pricing_key' }), { freq: 1 }),
    model_map_information: maybe(
      fc.constantFrom(
        {},
        { model_map_key: 'm', model_map_value: null },
        { model_map_value: { max_tokens: 9 } },
      ),
    ),
    saved_cache_cost: maybe(fc.oneof(number, fc.constant(0))),
    startTime: maybe(fc.constantFrom(1762000000.25, 1762000000250, 1762000000)),
    endTime: maybe(fc.constantFrom(1762000001.5, 1762000003, 1761999999)),
    completionStartTime: maybe(fc.constantFrom(1762000000.75, 1762000000.7519, 1761999999)),
    cache_hit: maybe(fc.constantFrom(true, false, 'True', 'False')),
    metadata: maybe(
      fc.oneof(
        own,
        fc.record({ requester_metadata: maybe(own), task: maybe(text) }),
        fc.record({
          status: maybe(fc.constantFrom('failure', 'success')),
          error_information: maybe(fc.constant({ error_class: 'Timeout', error_code: 504 })),
          usage_object: maybe(
            fc.record({ cache_read_input_tokens: number, cache_creation_input_tokens: maybe(number) }),
          ),
          additional_usage_values: maybe(fc.constant({ cache_read_input_tokens: 7 })),
          model_map_information: maybe(fc.constant({ model_map_key: 'm', model_map_value: null })),
        }),
      ),
    ),
    request_tags: maybe(fc.array(fc.constantFrom('task:faq', 'tier:pro', 'x', 'task:'), { maxLength: 3 })),
    error_information: maybe(fc.record({ error_class: text, error_code: maybe(text), traceback: text })),
    response: maybe(
      fc.oneof(
        fc.constantFrom({ choices: [{ message: { content: '}"{' } }] }, {}, ''),
        fc.record({
          id: fc.constant('c'),
          choices: fc.tuple(
            fc.record({
              index: fc.constant(0),
              finish_reason: maybe(
                fc.constantFrom('stop', 'length', 'tool_calls', 'function_call', 'content_filter'),
              ),
              message: fc.record({
                role: fc.constant('assistant'),
                content: maybe(text),
                tool_calls: maybe(fc.constantFrom([], [{ id: 'c' }])),
              }),
            }),
          ),
        }),
      ),
    ),
  },
  { requiredKeys: ['messages', 'model'] },
);

test('the SQL for regular files and the reader of records make the same of every payload', async () => {
  const payloads = fc
    .sample(payload, { numRuns: 1500, seed: 3 })
    .map((each, i) => ({ ...each, id: `p${i}` }));
  const regular = write('regular.jsonl', lines(payloads));
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const map = { quality: 'metadata.grade' };
  // It does read all of them, or the comparison would be of the reader with itself.
  const [[read]] = (
    await connection.runAndReadAll(`SELECT count(*) FROM (${litellmRows(regular, map, true)})`)
  ).getRows();
  expect(Number(read)).toBe(payloads.length);
  instance.closeSync();

  const options = { format: 'litellm', map, answers: 'text' } as const;
  const bySql = await ingest(regular, { ...options, out: path('sql.parquet') });
  const byReader = await ingest(write('list.json', JSON.stringify(payloads)), {
    ...options,
    out: path('reader.parquet'),
  });
  expect(await tableRows(path('sql.parquet'))).toEqual(await tableRows(path('reader.parquet')));
  expect({ ...bySql, files: [], formats: [], rejected: [], passedOver: [] }).toEqual({
    ...byReader,
    files: [],
    formats: [],
    rejected: [],
    passedOver: [],
  });
  const told = (report: typeof bySql) =>
    [...report.rejected, ...report.passedOver].map(({ reason, count, examples }) => [
      reason,
      count,
      examples.map(({ line }) => line),
    ]);
  expect(told(bySql)).toEqual(told(byReader));
  expect(bySql.rowsAccepted).toBeGreaterThan(250);
  expect(bySql.answers.known).toBeGreaterThan(30);
  await expect(ingest(regular, { format: 'litellm', map: { quality: 'metadata.stars' } })).rejects.toThrow(
    'no row has "metadata.stars"',
  );
});

test('a regular file stays regular with prompts that are none: each is counted, also one nested 5,000 deep', async () => {
  const asked = (content: unknown, i: number) => ({
    id: `p${i}`,
    call_type: 'acompletion',
    model: 'mini',
    messages: [{ role: 'user', content }],
  });
  const contents = [
    'How many moons has Mars?',
    'redacted-by-litellm',
    '',
    [],
    [{ type: 'text', text: 'Hi' }],
    null,
  ];
  const file = write('none.jsonl', logLines(contents.map(asked)));
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const read = await connection.runAndReadAll(`SELECT count(*) FROM (${litellmRows(file, {}, true)})`);
  expect(Number(read.getRows()[0][0])).toBe(contents.length);
  instance.closeSync();
  const deep = write('deep.jsonl', logLines([...contents, DEEP].map(asked)));
  for (const [each, rowsRead] of [
    [file, contents.length],
    [deep, contents.length + 1],
  ] as const) {
    const report = await ingest(each, { format: 'litellm', out: path('none.parquet') });
    expect(report).toMatchObject({ rowsRead, rowsAccepted: 2 });
    expect(Object.fromEntries(report.rejected.map(({ reason, count }) => [reason, count]))).toEqual({
      'no words of the user were found in the prompt': 3,
      'the words of the prompt were redacted before they were logged: only a placeholder is left': 1,
      ...(each === deep && { 'the record is nested more than 100 levels deep': 1 }),
    });
  }
});
