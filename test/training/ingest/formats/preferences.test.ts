import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { preferencesLog } from '../../../../training/ingest/formats/preferences.ts';
import { root } from '../../../architecture/source-files.ts';
import { fencedBlocks } from '../../../documents/fenced-blocks.ts';

type Fields = Readonly<Record<string, unknown>>;

function read(record: Fields, line = 1): Fields[] {
  return [...preferencesLog.read(record, 'votes.jsonl', line)].map((entry) =>
    entry.kind === 'call' ? entry.row : { refused: entry.kind === 'refused' && entry.reason },
  );
}

function preferences(record: Fields): Record<string, unknown> {
  return Object.fromEntries(read(record).map((row) => [row.candidate, row.preference]));
}

const vote = { prompt: 'What is 2 + 2?', a: 'small', b: 'large' };

test('every line of the page is read, and each gives its two candidates', () => {
  const page = readFileSync(join(root, 'docs/preferences.md'), 'utf8');
  const block = fencedBlocks(page).find(({ language }) => language === 'jsonl')!;
  const rows = block.body
    .trim()
    .split('\n')
    .flatMap((line, i) => read(JSON.parse(line), i + 1));
  expect(rows.map(({ candidate, preference }) => [candidate, preference])).toEqual([
    ['large-model', 0.5],
    ['small-model', 0.5],
    ['large-model', 1],
    ['small-model', 0],
    ['large-model', 1],
    ['small-model', 0],
    ['large-model', 1],
    ['small-model', 0],
  ]);
  expect(rows[4]).toMatchObject({ costUsd: 0.0051, propensity: 0.33 });
});

describe('comparisons', () => {
  test.each([
    ['a', 1],
    ['A', 1],
    ['model_a', 1],
    ['Model A', 1],
    ['assistant_a', 1],
    ['left', 1],
    ['1', 1],
    [1, 1],
    ['small', 1],
    ['b', 0],
    ['model_b', 0],
    ['right', 0],
    [2, 0],
    ['large', 0],
    ['tie', 0.5],
    ['Tie', 0.5],
    ['tie (bothbad)', 0.5],
    ['bothbad', 0.5],
    ['both_bad', 0.5],
    ['both good', 0.5],
    ['draw', 0.5],
    ['neither', 0.5],
  ])('the winner %o gives the first %d', (winner, first) => {
    expect(preferences({ ...vote, winner })).toEqual({ small: first, large: 1 - first });
  });

  test("a candidate's own name comes before what it could mean", () => {
    expect(preferences({ prompt: 'x', a: 'b', b: 'a', winner: 'b' })).toEqual({ a: 0, b: 1 });
  });

  test.each([
    [{ model_a: 'small', model_b: 'large', winner: 'model_b' }, 0],
    [{ model_a: 'small', model_b: 'large', winner_model_a: 0, winner_model_b: 0, winner_tie: 1 }, 0.5],
    [{ candidateA: 'small', candidateB: 'large', winner: 'a' }, 1],
    [{ a: { model: 'small' }, b: { model: 'large' }, preferred: 'b' }, 0],
    [{ a: 'small', b: 'large', score_a: 7, score_b: 9 }, 0],
    [{ a: 'small', b: 'large', score_a: 7, score_b: 7 }, 0.5],
    [{ a: { model: 'small', score: 0.9 }, b: { model: 'large', score: 0.1 } }, 1],
    [{ chosen: 'four', rejected: 'five', chosen_model: 'small', rejected_model: 'large' }, 1],
    [{ chosen: { model: 'large', text: '4' }, rejected: { model: 'small', text: '5' } }, 0],
  ])('%o', (record, small) => {
    expect(preferences({ prompt: 'What is 2 + 2?', ...record })).toEqual({ small, large: 1 - small });
  });

  test.each([
    [{ ...vote, winner: 'perhaps' }, /does not say which/],
    [vote, /does not say which/],
    [{ ...vote, winner: null }, /does not say which/],
    [{ ...vote, score_a: 1 }, /does not say which/],
    [{ ...vote, b: 'small', winner: 'a' }, /with itself/],
    [{ prompt: 'x', a: 'small', winner: 'a' }, /does not name/],
    [{ prompt: 'x', chosen: 'four', rejected: 'five' }, /does not name/],
    [{ prompt: 'x', winner: 'a' }, /does not name/],
  ])('%o is none', (record, reason) => {
    const [row, ...more] = read(record);
    expect(more).toEqual([]);
    expect(row.refused).toMatch(reason);
  });

  test('which of the two comes first makes no difference', () => {
    const amounts = { costUsd_a: 0.1, costUsd_b: 0.2, latencyMsA: 5, latencyMsB: 6 };
    const swapped = { costUsd_a: 0.2, costUsd_b: 0.1, latencyMsA: 6, latencyMsB: 5 };
    for (const more of [{}, { id: 'v1' }, { propensity: 0.1, task: 'sum', judge: 'ann' }])
      expect(read({ ...vote, a: 'large', b: 'small', winner: 'b', ...swapped, ...more })).toEqual(
        read({ ...vote, winner: 'a', ...amounts, ...more }),
      );
    expect(read({ ...vote, winner: 'a', ...amounts })[1]).toMatchObject({
      candidate: 'small',
      costUsd: 0.1,
      latencyMs: 5,
    });
  });

  test('each comparison is a request of its own: several pairs, judges or lines of one question', () => {
    const ids = [
      read({ ...vote, id: 'q1', winner: 'a' }),
      read({ ...vote, id: 'q1', b: 'middle', winner: 'a' }),
      read({ ...vote, id: 'q1', winner: 'a', judge: 'ann' }),
      read({ ...vote, winner: 'a' }, 1),
      read({ ...vote, winner: 'a' }, 2),
    ].map((rows) => {
      expect(rows[0].requestId).toBe(rows[1].requestId);
      return rows[0].requestId;
    });
    expect(new Set(ids).size).toBe(5);
    expect(read({ ...vote, id: 'q1', winner: 'b' })[0].requestId).toBe(ids[0]);
  });

  test('the prompt is what both were asked', () => {
    const talk = (answer: string) => [
      { role: 'user', content: 'Hello' },
      { role: 'assistant', content: answer },
    ];
    const arena = { conversation_a: talk('Hi'), conversation_b: talk('Good day') };
    const [row] = read({ model_a: 'small', model_b: 'large', winner: 'model_a', ...arena });
    expect(row.text ?? row.messages).toEqual('Hello');
    const [listed] = read({ model_a: 'small', model_b: 'large', winner: 'tie', prompt: '["Hello"]' });
    expect(listed.text).toBe('Hello');
    const [chosen] = read({
      chosen: talk('Hi'),
      rejected: talk('No'),
      chosen_model: 'a',
      rejected_model: 'b',
    });
    expect(chosen.text).toBe('Hello');
  });
});

describe('the answers of a comparison', () => {
  const talk = (said: string) => [
    { role: 'user', content: 'What is 2 + 2?' },
    { role: 'assistant', content: said },
  ];
  test.each<[string, Fields]>([
    ['texts', { model_a: 'small', model_b: 'large', response_a: '4', response_b: 'Five.' }],
    [
      'texts of several turns',
      { model_a: 'small', model_b: 'large', response_a: '["3","4"]', response_b: ['Five.'] },
    ],
    [
      'conversations',
      { model_a: 'small', model_b: 'large', conversation_a: talk('4'), conversation_b: talk('Five.') },
    ],
    ['objects', { a: { model: 'small', answer: '4' }, b: { model: 'large', content: 'Five.' } }],
    [
      'chosen and rejected',
      { chosen_model: 'small', chosen: talk('4'), rejected_model: 'large', rejected: 'Five.' },
    ],
  ])('are read of %s', (_, sides) => {
    const entries = [
      ...preferencesLog.read({ prompt: 'What is 2 + 2?', winner: 'a', ...sides }, 'votes.jsonl', 1),
    ];
    expect(
      Object.fromEntries(
        entries.map((entry) => (entry.kind === 'call' ? [entry.row.candidate, entry.answer] : [])),
      ),
    ).toEqual({ small: '4', large: 'Five.' });
  });

  test('are not the names of their candidates', () => {
    for (const entry of preferencesLog.read({ ...vote, winner: 'a' }, 'votes.jsonl', 1))
      expect(entry).toMatchObject({ kind: 'call', answer: null });
  });
});
