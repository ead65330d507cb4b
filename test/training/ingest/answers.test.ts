import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { DuckDBInstance } from '@duckdb/node-api';
import { readPrompt } from 'pointsman';
import { ANSWER_VERSION, createAnswerExtractor, KEPT_BLOCKS, KEPT_LENGTH } from 'pointsman/internal';
import { describe, expect, it } from 'vitest';
import { describeIngest } from '../../../training/cli/terminal/describe.ts';
import { readOutcomeMatrix } from '../../../training/ingest/outcome-store.ts';
import { type OutcomeMatrix, takePrompts } from '../../../training/outcomes/matrix.ts';
import { alignCandidates } from '../../../training/train/evaluate-router.ts';
import { tableRows } from './formats/log-fixture.ts';
import { ingestFixture, lines } from './ingest-fixture.ts';

const { ingest, out, path, write } = ingestFixture();
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

const QUESTION = 'Anna has 17 boats and buys 25 more. How many boats has she?';
const RIGHT = 'She has 17 + 25 = 42 boats. The answer is 42.';
const row = { requestId: 'a', text: QUESTION, candidate: 'small', quality: 1, response: RIGHT };

/** Features as serving computes them. */
function served(text: string, finishReason: string | null, prompt: object = { text: QUESTION }): number[] {
  const extractor = createAnswerExtractor(KEPT_BLOCKS, null);
  const features = new Float32Array(KEPT_LENGTH);
  const question = extractor.readQuestion(readPrompt(prompt));
  extractor.extractInto(question, { text, finishReason, logprobs: null }, features);
  return [...features];
}

/** Of an answer of a matrix: its features, key and words; null where there is none. */
function answerOf({ answers, candidates, prompts }: OutcomeMatrix, requestId: string, candidate: string) {
  const at = prompts.findIndex((prompt) => prompt.requestId === requestId) * candidates.length;
  const place = answers?.places[at + candidates.indexOf(candidate)] ?? Number.NaN;
  if (answers === undefined || Number.isNaN(place)) return null;
  return {
    checks: [...answers.checks.slice(place * answers.length, (place + 1) * answers.length)],
    key: answers.keys[place],
    finishReason: answers.finishReasons[place],
    text: answers.texts?.[place] ?? null,
  };
}

const close = (numbers: readonly number[]) => numbers.map((number) => expect.closeTo(number, 5));

describe('answers of a table', () => {
  it('are kept as features, hash and key, and not one word of them is in the table', async () => {
    const secret = 'The lighthouse keeper is Zbigniew. The answer is 42.';
    const report = await ingest(
      write(
        'rows.jsonl',
        lines([
          { ...row, response: secret, finish_reason: 'max_tokens' },
          { ...row, candidate: 'large', response: '42', finish_reason: 'stop' },
          { ...row, candidate: 'other', response: 'It is 43.' },
          { ...row, requestId: 'b', response: '42' },
        ]),
      ),
    );
    expect(report.aliases).toMatchObject({ answer: ['response'], finishReason: ['finish_reason'] });
    expect(report.answers).toEqual({ known: 4, otherVersion: 0, sameForAll: 0, withoutPrompt: 0 });
    // What is in Parquet is compressed.
    const stored = JSON.stringify(await tableRows(out)) + readFileSync(out, 'latin1');
    for (const word of ['lighthouse', 'Zbigniew', 'keeper']) expect(stored).not.toContain(word);
    const [large, other, small, second] = await tableRows(out);
    expect(small).toMatchObject({
      answerHash: sha256(secret),
      answerVersion: ANSWER_VERSION,
      finishReason: 'length',
    });
    expect(small).not.toHaveProperty('answer');
    expect(large.answerKey).toBe(small.answerKey);
    expect(other.answerKey).not.toBe(small.answerKey);
    // Nobody learns by the key who else was told the same.
    expect(second.answerKey).not.toBe(small.answerKey);
    const matrix = await readOutcomeMatrix(out);
    expect(answerOf(matrix, 'a', 'small')).toEqual({
      checks: close(served(secret, 'length')),
      key: small.answerKey,
      finishReason: 'length',
      text: null,
    });
    expect(matrix.answers).not.toHaveProperty('texts');
  });

  it('are kept in words where that is asked for, redacted as prompts are, with the features of what was said', async () => {
    const said = 'Write to anna@example.org: 42.';
    await ingest(write('rows.jsonl', lines([{ ...row, response: said }])), { answers: 'text', redact: true });
    const matrix = await readOutcomeMatrix(out);
    expect(answerOf(matrix, 'a', 'small')).toMatchObject({
      text: 'Write to [EMAIL]: 42.',
      checks: close(served(said, null)),
    });
  });

  it('are not kept at all where that is asked for', async () => {
    await ingest(write('rows.jsonl', lines([row])), { answers: 'none' });
    expect(Object.keys((await tableRows(out))[0]).filter((name) => /answer|finish/.test(name))).toEqual([]);
    expect(await readOutcomeMatrix(out)).not.toHaveProperty('answers');
  });

  it('follow their prompts and candidates, whichever of them are taken', async () => {
    const wide = {
      requestId: 'b',
      text: QUESTION,
      outcomes: { small: { quality: 0, answer: 'None.' }, large: { quality: 1, output: RIGHT }, third: 1 },
    };
    await ingest(write('rows.jsonl', lines([row, wide])), { answers: 'text' });
    const matrix = await readOutcomeMatrix(out);
    const texts = (of: OutcomeMatrix) =>
      of.prompts.map(({ requestId }) =>
        of.candidates.map((candidate) => answerOf(of, requestId, candidate)?.text ?? null),
      );
    expect(matrix.candidates).toEqual(['large', 'small', 'third']);
    expect(texts(matrix)).toEqual([
      [null, RIGHT, null],
      [RIGHT, 'None.', null],
    ]);
    expect(texts(takePrompts(matrix, [1]))).toEqual([[RIGHT, 'None.', null]]);
    expect(texts(alignCandidates(matrix, ['new', 'small', 'large']))).toEqual([
      [null, RIGHT, null],
      [null, 'None.', RIGHT],
    ]);
  });

  it.each([
    [
      'a response of OpenAI',
      { choices: [{ message: { content: RIGHT }, finish_reason: 'length' }] },
      RIGHT,
      'length',
    ],
    [
      'the same as JSON text',
      JSON.stringify({ choices: [{ message: { content: RIGHT }, finish_reason: 'stop' }] }),
      RIGHT,
      'stop',
    ],
    [
      'a call of a tool',
      { choices: [{ message: { content: null, tool_calls: [{}] }, finish_reason: 'tool_calls' }] },
      '',
      'tool-calls',
    ],
    [
      'content parts',
      [
        { type: 'thinking', thinking: 'Hm.' },
        { type: 'text', text: RIGHT },
      ],
      RIGHT,
      null,
    ],
    ['an object', { answer: 42 }, '{"answer":42}', null],
    ['an answer in JSON', '{"text": "42"}', '{"text": "42"}', null],
    ['a list as text', '[1, 2]', '[1, 2]', null],
    ['nothing said', '', '', null],
    ['a number', 42, '42', null],
    ['the prompt again', QUESTION, QUESTION, null],
    ['other scripts', '答えは４２です。🚣🏽‍♀️ \u202e\u0000', '答えは４２です。🚣🏽‍♀️ \u202e\u0000', null],
    ['half a surrogate pair', '\ud83d boats', '\ufffd boats', null],
  ])('may be %s', async (_, response, text, finishReason) => {
    const report = await ingest(write('rows.jsonl', lines([{ ...row, response }])), { answers: 'text' });
    expect(report.rowsAccepted).toBe(1);
    expect(answerOf(await readOutcomeMatrix(out), 'a', 'small')).toMatchObject({
      text,
      finishReason,
      checks: close(served(text, finishReason)),
    });
  });

  it.each([
    ['null', null],
    ['an error', { error: { message: 'overloaded', code: 529 } }],
  ])('are not known where there is %s', async (_, response) => {
    const report = await ingest(write('rows.jsonl', lines([{ ...row, response }])));
    expect(report).toMatchObject({ rowsAccepted: 1, answers: { known: 0 } });
    expect(await readOutcomeMatrix(out)).not.toHaveProperty('answers');
  });

  it('cost no more than their ends however long they are', async () => {
    const long = `${'A boat. '.repeat(150_000)}The answer is 42.`;
    await ingest(write('rows.jsonl', lines([{ ...row, response: long }])));
    expect(answerOf(await readOutcomeMatrix(out), 'a', 'small')?.checks).toEqual(close(served(long, null)));
    expect(readFileSync(out).length).toBeLessThan(20_000);
  });
});

describe('answers of a table that is read again', () => {
  it('are the same, whether their words were kept or not', async () => {
    const [first, second] = [path('first.parquet'), path('second.parquet')];
    for (const answers of ['text', 'features'] as const) {
      const before = await ingest(write('rows.jsonl', lines([row])), { answers, out: first });
      const after = await ingest(first, { answers, out: second });
      expect(after).toMatchObject({ fingerprint: before.fingerprint, answers: { known: 1 } });
    }
  });

  it('are told of a table that another version read, and are read again where their words were kept', async () => {
    const other = path('other.parquet');
    for (const [answers, known] of [
      ['features', 0],
      ['text', 1],
    ] as const) {
      await ingest(write('rows.jsonl', lines([row])), { answers, out });
      await change(out, other, '"answerVersion" + 1');
      await ingest(write('more.jsonl', lines([{ ...row, requestId: 'b' }])), {
        append: true,
        answers,
        out: other,
      });
      expect(await readOutcomeMatrix(other)).toHaveProperty('answers.keys.length', known + 1);
      await change(out, other, '"answerVersion" + 1');
      const report = await ingest(other, { answers });
      expect(report.answers).toEqual({ known, otherVersion: 1 - known, sameForAll: 0, withoutPrompt: 0 });
    }
  });

  it('are taken without features that cannot be', async () => {
    await ingest(write('rows.jsonl', lines([row])));
    const other = path('other.parquet');
    await change(out, other, '"answerVersion"', '"answerChecks"[1:10]');
    expect(await readOutcomeMatrix(other)).not.toHaveProperty('answers');
    expect((await ingest(other)).answers).toEqual({
      known: 0,
      otherVersion: 1,
      sameForAll: 0,
      withoutPrompt: 0,
    });
  });
});

/** A copy of a table whose answers another version has read. */
async function change(from: string, to: string, version: string, checks = '"answerChecks"'): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(`COPY (SELECT * REPLACE (${version} AS "answerVersion", ${checks} AS "answerChecks")
    FROM read_parquet('${from}')) TO '${to}' (FORMAT parquet)`);
  connection.closeSync();
  instance.closeSync();
}

describe('answers of rows that come again', () => {
  const rated = { requestId: 'a', text: QUESTION, candidate: 'small', quality: 0.5 };
  const said = { requestId: 'a', text: QUESTION, candidate: 'small', response: RIGHT };
  const kept = async () => answerOf(await readOutcomeMatrix(out), 'a', 'small')?.text ?? null;

  it.each([
    ['ratings before answers', [rated, said], RIGHT],
    ['answers before ratings', [said, rated], RIGHT],
    ['an answer that was rated otherwise', [rated, { ...said, quality: 1 }], null],
    ['two answers', [{ ...rated, response: 'Mine.' }, said], 'Mine.'],
  ])('are joined to their ratings: %s', async (_, rows, text) => {
    const report = await ingest(write('rows.jsonl', lines(rows)), { answers: 'text' });
    expect(report).toMatchObject({ rowsAccepted: 1, rowsRead: 2, answers: { known: text === null ? 0 : 1 } });
    expect(await kept()).toBe(text);
  });

  it.each([
    ['ratings before answers', [rated, said]],
    ['answers before ratings', [said, rated]],
  ])('are joined to those of the table: %s', async (_, [first, second]) => {
    await ingest(write('first.jsonl', lines([first])), { answers: 'text' });
    const added = write('second.jsonl', lines([second]));
    const report = await ingest(added, { answers: 'text', append: true, redact: true });
    expect(report).toMatchObject({ rowsRead: 1, rowsAccepted: 1, rowsInTable: 1, answers: { known: 1 } });
    expect(await kept()).toBe(RIGHT);
    expect((await readOutcomeMatrix(out)).quality).toEqual(Float32Array.of(0.5));
    const again = await ingest(added, { answers: 'text', append: true });
    expect(again).toMatchObject({ rowsAccepted: 0, fingerprint: report.fingerprint });
  });

  it('are added to a table of an earlier version by the log that it was made of, and their words stay out of it', async () => {
    const log = write('rows.jsonl', lines([{ ...row, metadata: { note: 'kept' } }]));
    await ingest(log, { answers: 'none' });
    const without = await tableRows(out);
    const report = await ingest(log, { append: true });
    expect(report).toMatchObject({ rowsRead: 1, rowsAccepted: 1, rowsInTable: 1, cellsNotObserved: 0 });
    expect(await tableRows(out)).toMatchObject(without);
    expect(answerOf(await readOutcomeMatrix(out), 'a', 'small')?.checks).toEqual(close(served(RIGHT, null)));
    expect(JSON.stringify(await tableRows(out))).not.toContain('The answer is');
  });

  it('are judged, in a table too, also where only their features were kept', async () => {
    const log = write('rows.jsonl', lines([said, { ...said, requestId: 'b', response: '' }]));
    const first = await ingest(log);
    expect(first).toMatchObject({ qualitiesMissing: 2, answers: { known: 2 } });
    const asked: string[] = [];
    const judge = ({ answer }: { answer: string }) => {
      asked.push(answer);
      return 0.25;
    };
    const options = { append: true, judge, judgeCache: path('verdicts') };
    expect((await ingest(log, options)).judgement).toMatchObject({ judged: 1, failed: 0 });
    expect(asked).toEqual([RIGHT]);
    const without = write('none.jsonl', lines([{ requestId: 'c', text: QUESTION, candidate: 'small' }]));
    await expect(ingest(without, { judge: () => 1 })).rejects.toThrow('--map answer=your_column');
  });
});

describe('answers of RouterBench', () => {
  it('stand in a column of each model', async () => {
    const table = `sample_id,prompt,eval_name,small,small|model_response,small|total_cost,large,large|model_response,large|total_cost
1,${QUESTION},math,0.0,['40'],0.001,1.0,"She has ""42"" boats.",0.01
2,${QUESTION} Now?,math,1.0,,0.001,1.0,42,0.01
`;
    const report = await ingest(write('bench.csv', table), { answers: 'text' });
    expect(report.ignoredColumns).toEqual([]);
    const matrix = await readOutcomeMatrix(out);
    const texts = matrix.prompts.map(({ requestId }) =>
      ['small', 'large'].map((candidate) => answerOf(matrix, requestId, candidate)?.text ?? null),
    );
    expect(texts).toEqual([
      ['40', 'She has "42" boats.'],
      [null, '42'],
    ]);
  });
});

describe('a column of right answers', () => {
  const asked = Array.from({ length: 25 }, (_, i) => ({ requestId: `q${i}`, text: `What is ${i} + 1?` }));
  const right = asked.flatMap((each, i) =>
    ['small', 'large'].map((candidate) => ({ ...each, candidate, quality: i % 2, answer: `${i + 1}` })),
  );

  it('is not taken for what the candidates said, unless that is told', async () => {
    const file = write('right.jsonl', lines(right));
    const report = await ingest(file);
    expect(report.answers).toMatchObject({ known: 0, sameForAll: 50 });
    expect(describeIngest(report)).toContain('50 answers not taken, since every candidate has the same one');
    expect((await ingest(file, { map: { answer: 'answer' } })).answers).toMatchObject({
      known: 50,
      sameForAll: 0,
    });
    const said = right.map((each, i) => ({ ...each, response: `It is ${each.answer}${i % 2 ? '.' : ''}` }));
    expect((await ingest(write('said.jsonl', lines(said)))).answers).toMatchObject({
      known: 50,
      sameForAll: 0,
    });
  });
});
