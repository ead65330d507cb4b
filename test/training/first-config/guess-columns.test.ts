import { describe, expect, it } from 'vitest';
import { wordsOf } from '../../../training/first-config/column-rules.ts';
import { guessColumns, guessQuality } from '../../../training/first-config/guess-columns.ts';

type Row = Record<string, unknown>;

/** A hundred rows with columns that no reader knows, and what a test puts into them. */
function rows(further: (i: number) => Row): Row[] {
  return Array.from({ length: 100 }, (_, i) => ({
    userMsg: `Please tell me about ship number ${i}.`,
    llm: ['tiny', 'huge'][i % 2],
    stars: 1 + (i % 5),
    ...further(i),
  }));
}

function taken(records: readonly Row[]): Row {
  const { taken: guesses } = guessColumns(records);
  return Object.fromEntries(guesses.map(({ column, field }) => [field, column]));
}

const BASE = { text: 'userMsg', candidate: 'llm', quality: 'stars', requestId: 'userMsg' };

describe('columns of a table are told by their names and by what they hold', () => {
  it.each<[string, (i: number) => Row, Row]>([
    ['nothing else', () => ({}), BASE],
    [
      'amounts',
      (i) => ({ price_usd: 0.001, took_ms: 5, tok_in: 3, 'tokens-out': i, asked_at: '2026-01-02T03:04:05Z' }),
      {
        costUsd: 'price_usd',
        latencyMs: 'took_ms',
        inputTokens: 'tok_in',
        outputTokens: 'tokens-out',
        timestamp: 'asked_at',
      },
    ],
    ['ids', (i) => ({ uuid: `u-${i}` }), { requestId: 'uuid' }],
    ['the id of a request before that of a row', (i) => ({ row_id: i, reqId: i }), { requestId: 'reqId' }],
    [
      'names in other languages',
      (i) => ({ llm: undefined, stars: undefined, Modell: ['klein', 'gross'][i % 2], Note: 1 + (i % 5) }),
      { candidate: 'Modell', quality: 'Note' },
    ],
    ['a topic', (i) => ({ topic: ['sums', 'verse'][i % 2] }), { task: 'topic' }],
    [
      'objects',
      (i) => ({ meta: { topic: 'sums', took_ms: i } }),
      { task: 'meta.topic', latencyMs: 'meta.took_ms' },
    ],
    [
      'numbers in texts',
      (i) => ({ price_usd: `0.00${i}`, uuid: `${i}` }),
      { costUsd: 'price_usd', requestId: 'uuid' },
    ],
    // What would be read wrongly is left.
    ['cents', () => ({ price_cents: 3 }), {}],
    ['other money', () => ({ cost_eur: 3 }), {}],
    ['a price of tokens', () => ({ price_per_million_tokens: 3 }), {}],
    ['seconds', () => ({ took_s: 1.5, elapsed: 2 }), {}],
    ['a limit', () => ({ max_output_tokens: 500 }), {}],
    ['ids of users', (i) => ({ user_id: `u-${i}`, session_id: `s-${i}` }), {}],
    ['an id that hardly differs', () => ({ uuid: 'always' }), {}],
    ['answers', (i) => ({ model_reply: `Ship ${i} is large.`, response_text: `Ship ${i} sails.` }), {}],
    ['the time of the end', () => ({ finished_at: '2026-01-02T03:04:05Z' }), {}],
    ['a cost below zero', () => ({ price_usd: -1 }), {}],
  ])('%s', (_, further, more) => {
    expect(taken(rows(further))).toEqual({ ...BASE, ...more });
  });

  it('takes a list of messages for the prompt, also as JSON text', () => {
    for (const form of [(value: unknown) => value, JSON.stringify])
      expect(
        taken(rows((i) => ({ userMsg: undefined, turns: form([{ role: 'user', content: `Say ${i}` }]) }))),
      ).toMatchObject({ messages: 'turns' });
  });

  it('takes the only texts that may be prompts, whatever they are called, and none of two', () => {
    const only = rows((i) => ({ userMsg: undefined, spalte: `Wie alt ist Schiff ${i}?` }));
    expect(taken(only)).toMatchObject({ text: 'spalte', requestId: 'spalte' });
    const two = only.map((row, i) => ({ ...row, bemerkung: `Das war gut, Nummer ${i}.` }));
    const { gaps } = guessColumns(two);
    expect(gaps.map(({ field }) => field)).toEqual(['text', 'requestId']);
    expect(gaps[0].seen).toBe(
      'No column was taken for prompts in 100 records that were looked at; by what they hold, it might be spalte, bemerkung',
    );
  });

  it('leaves columns alone whose names are known, and cells of the wide form', () => {
    const known = rows(() => ({})).map(({ llm, stars, userMsg }, i) => ({
      prompt: userMsg,
      model: llm,
      score: stars,
      id: i,
    }));
    expect(taken(known)).toEqual({});
    const wide = Array.from({ length: 100 }, (_, i) => ({
      frage_id: i,
      question: `Why ${i}?`,
      outcomes: { a: { quality: 1, topic: 'x' } },
    }));
    expect(taken(wide)).toEqual({ requestId: 'frage_id' });
    const paired = Array.from({ length: 100 }, (_, i) => ({
      sample_id: i,
      prompt: `Why ${i}?`,
      a: 1,
      'a|total_cost': 0.1,
    }));
    expect(taken(paired)).toEqual({});
  });

  it('leaves what the user has named', () => {
    const records = rows(() => ({}));
    const { gaps, taken: guesses } = guessColumns(records, { quality: 'stars', text: 'userMsg' });
    expect(gaps).toEqual([]);
    expect(guesses.map(({ field }) => field)).toEqual(['candidate', 'requestId']);
  });

  it('names others that might be meant', () => {
    const { taken: guesses } = guessColumns(rows((i) => ({ csat: i % 5, grade: i % 5 })));
    expect(guesses.find(({ field }) => field === 'quality')?.seen).toBe(
      'A rating in 100 of 100 records, 1 to 5; grade, csat might be meant too',
    );
  });
});

describe('ids of rows are no ids of requests', () => {
  /** Three candidates answer each prompt; `id` may be of the row or of the request. */
  const answers = (id: (i: number) => unknown): Row[] =>
    Array.from({ length: 90 }, (_, i) => ({
      id: id(i),
      question: `What is ship number ${Math.floor(i / 3)}?`,
      model: ['a', 'b', 'c'][i % 3],
      score: i % 2,
    }));

  it('where each row has another, and prompts come again for other candidates', () => {
    const { taken: guesses } = guessColumns(answers((i) => i));
    expect(guesses).toEqual([
      {
        field: 'requestId',
        column: 'question',
        seen:
          'Each of 90 records has an id of its own (id), and their 30 prompts were asked of several candidates, none twice of one; ' +
          'so rows with the same prompt are one request, with one answer of each candidate',
      },
    ]);
    const named = answers((i) => i).map(({ id, ...row }) => ({ ...row, uuid: `u${id}` }));
    expect(taken(named)).toEqual({ requestId: 'question' });
  });

  it.each<[string, Row[]]>([
    ['they are of requests', answers((i) => Math.floor(i / 3))],
    [
      'a prompt comes twice for a candidate',
      [...answers((i) => i), { ...answers((i) => i)[0], id: 'again' }],
    ],
    [
      'prompts hardly come again',
      answers((i) => i).map((row, i) => ({ ...row, question: `What is ship ${i}?` })),
    ],
    ['there are few rows', answers((i) => i).slice(0, 15)],
  ])('but not where %s', (_, records) => {
    expect(taken(records)).toEqual({});
  });

  it('unless the user has said so', () => {
    expect(
      guessColumns(
        answers((i) => i),
        { requestId: 'id' },
      ).taken,
    ).toEqual([]);
  });

  it('and of lists of messages ingest makes them itself', () => {
    const records = answers(() => undefined).map(({ id, question, ...row }) => ({
      ...row,
      messages: [{ role: 'user', content: question }],
    }));
    const { gaps, taken } = guessColumns(records);
    expect([...gaps, ...taken].map(({ field }) => field)).not.toContain('requestId');
  });
});

it('ratings of a log are found in the fields of its users', () => {
  const records = rows((i) => ({
    stars: undefined,
    metadata: { custom: { grade: i % 2 === 0 ? 4 : null } },
  }));
  expect(guessQuality(records)).toEqual({
    field: 'quality',
    column: 'metadata.custom.grade',
    seen: 'A rating in 50 of 100 records, always 4',
  });
});

it.each([
  ['userMsg_2', ['user', 'msg', '2']],
  ['Response Time (ms)', ['response', 'time', 'ms']],
  ['größeMax', ['größe', 'max']],
  ['__', []],
])('the words of %s', (name, words) => {
  expect(wordsOf(name)).toEqual(words);
});
