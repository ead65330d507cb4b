import { describe, expect, it } from 'vitest';
import {
  askUpstream,
  call,
  end,
  piece,
  sse,
  text,
  usage,
  usageChunk,
  type WireMode,
  type WireOutcome,
  type WireResponse,
  whole,
} from '../../fixtures/wire-upstream.ts';

type Row = readonly [what: string, mode: WireMode, response: WireResponse, right: Partial<WireOutcome>];

const MOONS = { ending: 'answered', by: 'a', text: 'Two moons', finish: 'stop' };
const FELL_BACK = { ending: 'answered', by: 'b' };
const BROKEN = { ending: 'BROKEN_STREAM' };
const moons = text('Two moons');
const raw = (body: string, type = 'text/event-stream'): WireResponse => ({
  body,
  headers: { 'content-type': type },
});

describe('how an answer ended', () => {
  const good: [word: unknown, finish: string][] = [
    ['stop', 'stop'],
    ['STOP', 'stop'],
    ['eos', 'stop'],
    ['eos_token', 'stop'],
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['COMPLETE', 'stop'],
    ['length', 'length'],
    ['max_tokens', 'length'],
    ['MAX_TOKENS', 'length'],
    ['model_length', 'length'],
    ['content_filter', 'content-filter'],
    ['SAFETY', 'content-filter'],
    ['refusal', 'content-filter'],
    ['sensitive', 'content-filter'],
    ['guardrail_intervened', 'content-filter'],
  ];
  const bad = [
    ...[
      'error',
      'abort',
      'aborted',
      'cancelled',
      'canceled',
      'network_error',
      'unknown',
      'timeout',
      'failed',
    ],
    ...[
      'insufficient_system_resource',
      'MALFORMED_FUNCTION_CALL',
      'OTHER',
      'not_finished',
      'load',
      'repetition',
    ],
    7,
    true,
    {},
  ];

  it.each(good)('%j is an end, %s, streamed and whole', async (word, finish) => {
    const right = { ...MOONS, finish };
    expect(await askUpstream('stream', [sse(moons, end(word), '[DONE]')])).toMatchObject(right);
    expect(
      await askUpstream('whole', [whole({ content: 'Two moons' }, { finish_reason: word })]),
    ).toMatchObject(right);
  });

  it.each(bad)(
    '%j is none: the stream is broken, and before its first text the next candidate is asked',
    async (word) => {
      expect(await askUpstream('stream', [sse(moons, end(word), '[DONE]')])).toMatchObject(BROKEN);
      expect(await askUpstream('stream', [sse(end(word), '[DONE]')])).toMatchObject(FELL_BACK);
      expect(await askUpstream('whole', [whole({ content: 'Two' }, { finish_reason: word })])).toMatchObject(
        FELL_BACK,
      );
    },
  );

  it.each([null, '', 'null', 'none'])('%j at the end is none', async (word) => {
    expect(await askUpstream('stream', [sse(moons, end(word), '[DONE]')])).toMatchObject(BROKEN);
    expect(await askUpstream('whole', [whole({ content: 'Two' }, { finish_reason: word })])).toMatchObject(
      FELL_BACK,
    );
  });

  it('a word that says "not yet" in each chunk is no end of the first', async () => {
    const stream = sse(
      piece({ content: 'Two ' }, { finish_reason: 'null' }),
      piece({ content: 'moons' }, { finish_reason: '' }),
      end(),
    );
    expect(await askUpstream('stream', [stream])).toMatchObject(MOONS);
  });

  const rows: Row[] = [
    [
      'an error within the choice',
      'stream',
      sse(moons, piece({}, { finish_reason: 'error', error: { code: 502, message: 'x' } })),
      BROKEN,
    ],
    [
      'an error within the choice, whole',
      'whole',
      whole({ content: 'Two' }, { finish_reason: 'stop', error: { code: 502, message: 'x' } }),
      FELL_BACK,
    ],
    [
      'an error after the finish',
      'stream',
      sse(moons, end(), { error: { message: 'late', code: 500 } }),
      MOONS,
    ],
    ['rubbish after the finish', 'stream', sse(moons, end(), '<html>', '7'), MOONS],
    [
      'a second finish that says less',
      'stream',
      sse(moons, end('length'), end('stop'), usageChunk()),
      { ...MOONS, finish: 'length', usage: [10, 2] },
    ],
    [
      'text with the finish',
      'stream',
      sse(piece({ content: 'Two moons' }, { finish_reason: 'stop' }), '[DONE]'),
      MOONS,
    ],
    ['text behind the finish', 'stream', sse(text('Two'), end(), text(' moons')), MOONS],
  ];
  it.each(rows)('%s (%s)', async (_, mode, response, right) => {
    expect(await askUpstream(mode, [response])).toMatchObject(right);
  });
});

describe('content', () => {
  const thinking = { type: 'thinking', thinking: [{ type: 'text', text: 'Hm.' }] };
  const said = { type: 'text', text: 'Two moons' };
  const rows: Row[] = [
    [
      'a list of thoughts and text',
      'stream',
      sse(text([thinking]), text([said]), end()),
      { ...MOONS, reasoning: 'Hm.' },
    ],
    ['the same, whole', 'whole', whole({ content: [thinking, said] }), { ...MOONS, reasoning: 'Hm.' }],
    ['parts that are texts', 'stream', sse(text(['Two ', 'moons']), end()), MOONS],
    ['output_text', 'whole', whole({ content: [{ type: 'output_text', text: 'Two moons' }] }), MOONS],
    ['one part, in no list', 'whole', whole({ content: said }), MOONS],
    ['parts without a type', 'whole', whole({ content: [{ text: 'Two moons' }] }), MOONS],
    [
      'thoughts as plain text',
      'stream',
      sse(text([{ type: 'thinking', thinking: 'Hm.' }, said]), end()),
      { ...MOONS, reasoning: 'Hm.' },
    ],
    [
      'references among the parts',
      'stream',
      sse(text([said, { type: 'reference', reference_ids: [1] }]), end()),
      MOONS,
    ],
    ['a number', 'stream', sse(text(7), end()), FELL_BACK],
    ['a number, whole', 'whole', whole({ content: 7 }), FELL_BACK],
    [
      'reasoning_content',
      'stream',
      sse(piece({ reasoning_content: 'Hm.' }), moons, end()),
      { ...MOONS, reasoning: 'Hm.' },
    ],
    [
      'reasoning',
      'stream',
      sse(piece({ content: '', reasoning: 'Hm.' }), moons, end()),
      { ...MOONS, reasoning: 'Hm.' },
    ],
    [
      'thinking, as Ollama calls it',
      'whole',
      whole({ content: 'Two moons', thinking: 'Hm.' }),
      { ...MOONS, reasoning: 'Hm.' },
    ],
    [
      'a refusal',
      'stream',
      sse(piece({ refusal: 'No.' }), end()),
      { by: 'a', text: 'No.', finish: 'content-filter' },
    ],
    [
      'a refusal among parts',
      'whole',
      whole({ content: [{ type: 'refusal', refusal: 'No.' }] }),
      { by: 'a', text: 'No.', finish: 'content-filter' },
    ],
    [
      'a sound and what it says',
      'whole',
      whole({ content: null, audio: { data: 'UklG', transcript: 'Two moons' } }),
      MOONS,
    ],
    [
      'an image alone',
      'whole',
      whole({ content: '', images: [{ type: 'image_url' }] }),
      { by: 'a', text: '' },
    ],
    [
      'two choices',
      'stream',
      sse(
        text('Two '),
        { choices: [{ index: 1, delta: { content: 'B1 ' } }] },
        text('moons'),
        { choices: [{ index: 1, delta: { content: 'B2' }, finish_reason: 'stop' }] },
        end(),
      ),
      MOONS,
    ],
    [
      'two choices in one chunk, the second first',
      'stream',
      sse({
        choices: [
          { index: 1, delta: { content: 'B' } },
          { index: 0, delta: { content: 'Two moons' }, finish_reason: 'stop' },
        ],
      }),
      MOONS,
    ],
    [
      'two whole choices, the second first',
      'whole',
      {
        body: JSON.stringify({
          choices: [
            { index: 1, message: { content: 'B' }, finish_reason: 'stop' },
            { index: 0, message: { content: 'Two moons' }, finish_reason: 'stop' },
          ],
        }),
      },
      MOONS,
    ],
    [
      'choices without an index',
      'stream',
      sse({ choices: [{ delta: { content: 'Two moons' }, finish_reason: 'stop' }] }),
      MOONS,
    ],
    [
      'chunks that have message beside delta',
      'stream',
      sse(
        { choices: [{ index: 0, delta: { content: 'Two ' }, message: { content: 'Two ' } }] },
        { choices: [{ index: 0, delta: { content: 'moons' }, message: { content: 'Two moons' } }] },
        { choices: [{ index: 0, message: { content: 'Two moons' }, finish_reason: 'stop' }] },
      ),
      MOONS,
    ],
    [
      'a message in place of deltas',
      'stream',
      sse({ choices: [{ index: 0, message: { content: 'Two moons' }, finish_reason: 'stop' }] }),
      MOONS,
    ],
    [
      'chunks without choices between',
      'stream',
      sse({ choices: [], prompt_filter_results: [] }, { type: 'ping' }, { id: 'x' }, moons, end()),
      MOONS,
    ],
    [
      'chunks whose errors are empty',
      'stream',
      sse({ choices: [], errors: [], detail: null }, moons, end()),
      MOONS,
    ],
    [
      'choices that are none',
      'stream',
      sse({ choices: 'x' }, { choices: {} }, { choices: [null, 7] }, moons, end()),
      MOONS,
    ],
    ['a delta that is none', 'stream', sse(piece(null), piece('x'), piece([1]), moons, end()), MOONS],
    [
      'NaN among its numbers',
      'whole',
      {
        body: '{"choices":[{"message":{"content":"Two moons"},"finish_reason":"stop","logprobs":{"content":[{"logprob":NaN},{"logprob":-Infinity}]}}],"usage":{"prompt_tokens":NaN}}',
      },
      { ...MOONS, usage: null },
    ],
    [
      'NaN in an event',
      'stream',
      { body: 'data: {"choices":[{"delta":{"content":"Two moons"},"x":NaN,"finish_reason":"stop"}]}\n\n' },
      MOONS,
    ],
    [
      'NaN within a text',
      'whole',
      { body: '{"x":NaN,"choices":[{"message":{"content":"NaN \\"Infinity"},"finish_reason":"stop"}]}' },
      { by: 'a', text: 'NaN "Infinity' },
    ],
  ];
  it.each(rows)('%s (%s)', async (_, mode, response, right) => {
    expect(await askUpstream(mode, [response])).toMatchObject(right);
  });
});

describe('an answer that is empty', () => {
  const rows: Row[] = [
    ['"" and a finish', 'stream', sse(text(''), end(), usageChunk(10, 0)), FELL_BACK],
    ['"" and a finish, whole', 'whole', whole({ content: '' }), FELL_BACK],
    ['null, whole', 'whole', whole({ content: null }), FELL_BACK],
    ['nothing but spaces', 'whole', whole({ content: ' \n' }), FELL_BACK],
    ['an empty list', 'whole', whole({ content: [] }), FELL_BACK],
    ['no content at all', 'whole', whole({ role: 'assistant' }), FELL_BACK],
    [
      'nothing but thoughts',
      'whole',
      whole({ content: '', reasoning_content: 'Hm.' }, { finish_reason: 'length' }),
      FELL_BACK,
    ],
    ['nothing but thoughts, that are out', 'stream', sse(piece({ reasoning: 'Hm.' }), end('length')), BROKEN],
    ['tool_calls as the reason, and no call', 'stream', sse(end('tool_calls')), FELL_BACK],
    [
      'a list of calls that holds null',
      'whole',
      whole({ content: null, tool_calls: [null] }, { finish_reason: 'tool_calls' }),
      FELL_BACK,
    ],
    ['a call that is empty', 'stream', sse(call({ index: 0, function: {} }), end('tool_calls')), FELL_BACK],
    [
      'a call that names no function',
      'stream',
      sse(call({ index: 0, id: 'c', function: { arguments: '{}' } }), end('tool_calls')),
      BROKEN,
    ],
    [
      'a call that names no function, whole',
      'whole',
      whole({ content: null, tool_calls: [{ id: 'c', function: { arguments: '{}' } }] }),
      FELL_BACK,
    ],
    [
      'an empty text that was filtered',
      'whole',
      whole({ content: '' }, { finish_reason: 'content_filter' }),
      { by: 'a', text: '', finish: 'content-filter' },
    ],
    [
      'null that was filtered',
      'whole',
      whole({ content: null }, { finish_reason: 'content_filter' }),
      { by: 'a', text: '', finish: 'content-filter' },
    ],
  ];
  it.each(rows)(
    'is a failed attempt, but for what was filtered: %s (%s)',
    async (_, mode, response, right) => {
      expect(await askUpstream(mode, [response])).toMatchObject(right);
    },
  );

  it('may be allowed, for all or for one candidate; it costs what it says', async () => {
    const empty = sse(text(''), end(), usageChunk(10, 0));
    const right = { by: 'a', text: '', usage: [10, 0], costUsd: 0.00001 };
    expect(await askUpstream('stream', [empty], { allowEmptyAnswers: true })).toMatchObject(right);
    const own = { candidates: { a: { allowEmptyAnswers: true } } };
    expect(await askUpstream('whole', [whole({ content: '' })], own)).toMatchObject({ by: 'a', text: '' });
  });
});

describe('tool calls', () => {
  const fn = (name: string, written: unknown) => ({ function: { name, arguments: written } });
  const two: Partial<WireOutcome> = {
    by: 'a',
    calls: [
      ['weather', '{"city":"London"}'],
      ['time', '{"tz":"UTC"}'],
    ],
  };
  const weather = fn('weather', '{"city":"London"}');
  const time = fn('time', '{"tz":"UTC"}');
  const same: Partial<WireOutcome> = {
    by: 'a',
    calls: [
      ['f', '{"n":1}'],
      ['f', '{"n":2}'],
    ],
  };
  const one: Partial<WireOutcome> = { by: 'a', calls: [['f', '{"n":1}']] };
  const done = end('tool_calls');
  const rows: Row[] = [
    [
      'the same index and other ids',
      'stream',
      sse(call({ index: 0, id: 'a', ...weather }), call({ index: 0, id: 'b', ...time }), done),
      two,
    ],
    ['no index', 'stream', sse(call({ id: 'a', ...weather }), call({ id: 'b', ...time }), done), two],
    ['no index, both at once', 'stream', sse(call({ id: 'a', ...weather }, { id: 'b', ...time }), done), two],
    ['no index and no id', 'stream', sse(call(weather), call(time), done), two],
    [
      'the same index and no id',
      'stream',
      sse(call({ index: 0, ...weather }), call({ index: 0, ...time }), done),
      two,
    ],
    [
      'the same index, both at once',
      'stream',
      sse(call({ index: 0, id: 'a', ...weather }, { index: 0, id: 'b', ...time }), done),
      two,
    ],
    [
      'one function twice, no id',
      'stream',
      sse(call(fn('f', '{"n":1}')), call(fn('f', '{"n":2}')), done),
      same,
    ],
    [
      'one function twice, other ids',
      'stream',
      sse(
        call({ index: 0, id: 'a', ...fn('f', '{"n":1}') }),
        call({ index: 0, id: 'b', ...fn('f', '{"n":2}') }),
        done,
      ),
      same,
    ],
    [
      'pieces under one index',
      'stream',
      sse(
        call({ index: 0, id: 'a', ...fn('f', '') }),
        call({ index: 0, function: { arguments: '{"n"' } }),
        call({ index: 0, function: { arguments: ':1}' } }),
        done,
      ),
      one,
    ],
    [
      'an id in every piece',
      'stream',
      sse(
        call({ index: 0, id: 'a', ...fn('f', '{"n"') }),
        call({ index: 0, id: 'a', function: { arguments: ':1}' } }),
        done,
      ),
      one,
    ],
    [
      'another id in every piece',
      'stream',
      sse(
        call({ index: 0, id: 'a', ...fn('f', '') }),
        call({ index: 0, id: 'b', function: { arguments: '{"n"' } }),
        call({ index: 0, id: 'c', function: { arguments: ':1}' } }),
        done,
      ),
      one,
    ],
    [
      'the name in every piece',
      'stream',
      sse(call({ index: 0, ...fn('f', '{"n"') }), call({ index: 0, ...fn('f', ':1}') }), done),
      one,
    ],
    [
      'the name after the id',
      'stream',
      sse(
        call({ index: 0, id: 'a' }),
        call({ index: 0, function: { name: 'f' } }),
        call({ index: 0, function: { arguments: '{"n":1}' } }),
        done,
      ),
      one,
    ],
    [
      'a call said again as a whole',
      'stream',
      sse(
        call({ index: 0, id: 'a', ...fn('f', '{"n"') }),
        call({ index: 0, function: { arguments: ':1}' } }),
        call({ index: 0, id: 'a', ...fn('f', '{"n":1}') }),
        done,
      ),
      one,
    ],
    [
      'pieces of two calls in turn',
      'stream',
      sse(
        call({ index: 0, id: 'a', ...fn('f', '{"n"') }, { index: 1, id: 'b', ...fn('f', '{"n"') }),
        call({ index: 1, function: { arguments: ':2}' } }),
        call({ index: 0, function: { arguments: ':1}' } }),
        done,
      ),
      same,
    ],
    [
      'indexes as texts',
      'stream',
      sse(call({ index: '0', id: 'a', ...weather }), call({ index: '1', id: 'b', ...time }), done),
      two,
    ],
    [
      'indexes from 1',
      'stream',
      sse(call({ index: 1, id: 'a', ...weather }), call({ index: 2, id: 'b', ...time }), done),
      two,
    ],
    [
      'null among the calls',
      'stream',
      sse(call(null, { index: 0, id: 'a', ...fn('f', '{"n":1}') }), done),
      one,
    ],
    ['arguments as an object', 'stream', sse(call({ index: 0, id: 'a', ...fn('f', { n: 1 }) }), done), one],
    [
      'arguments as an object, whole',
      'whole',
      whole({ content: null, tool_calls: [{ id: 'a', ...fn('f', { n: 1 }) }] }),
      one,
    ],
    [
      'arguments as an empty object',
      'whole',
      whole({ content: null, tool_calls: [{ id: 'a', ...fn('f', {}) }] }),
      { by: 'a', calls: [['f', '{}']] },
    ],
    [
      'no arguments',
      'whole',
      whole({ content: null, tool_calls: [{ id: 'a', function: { name: 'f' } }] }),
      { by: 'a', calls: [['f', '']] },
    ],
    [
      'null beside a call, whole',
      'whole',
      whole({ content: '', tool_calls: [null, { id: 'a', ...fn('f', '{"n":1}') }] }),
      one,
    ],
    [
      'one call, in no list',
      'whole',
      whole({ content: null, tool_calls: { id: 'a', ...fn('f', '{"n":1}') } }),
      one,
    ],
    [
      'a function_call of old',
      'whole',
      whole(
        { content: null, function_call: { name: 'f', arguments: '{"n":1}' } },
        { finish_reason: 'function_call' },
      ),
      one,
    ],
    [
      'a function_call of old, streamed',
      'stream',
      sse(
        piece({ function_call: { name: 'f', arguments: '{"n"' } }),
        piece({ function_call: { arguments: ':1}' } }),
        end('function_call'),
      ),
      one,
    ],
    [
      'a custom tool',
      'whole',
      whole({
        content: null,
        tool_calls: [{ id: 'a', type: 'custom', custom: { name: 'f', input: '{"n":1}' } }],
      }),
      one,
    ],
    [
      'a call with the finish "stop"',
      'stream',
      sse(call({ index: 0, id: 'a', ...fn('f', '{"n":1}') }), end()),
      one,
    ],
    [
      'the finish in the chunk of the call',
      'stream',
      sse(piece({ tool_calls: [{ id: 'a', ...fn('f', '{"n":1}') }] }, { finish_reason: 'tool_calls' })),
      one,
    ],
  ];
  it.each(rows)('%s (%s)', async (_, mode, response, right) => {
    expect(await askUpstream(mode, [response])).toMatchObject(right);
  });
});

describe('usage', () => {
  const counted: Partial<WireOutcome> = { ...MOONS, usage: [10, 2], costUsd: 0.00002 };
  const uncounted: Partial<WireOutcome> = { ...MOONS, usage: null, costUsd: null };
  const rows: Row[] = [
    ['before the finish', 'stream', sse(moons, usageChunk(), end(), '[DONE]'), counted],
    ['with the first piece', 'stream', sse({ ...moons, ...usage() }, end()), counted],
    ['with the finish', 'stream', sse(moons, end('stop', usage())), counted],
    ['behind the finish', 'stream', sse(moons, end(), usageChunk(), '[DONE]'), counted],
    ['behind [DONE]', 'stream', sse(moons, end(), '[DONE]', usageChunk()), counted],
    ['behind a second finish', 'stream', sse(moons, end(), end('stop', usage()), end()), counted],
    [
      'in a last event without an empty line',
      'stream',
      { body: `${sse(moons, end()).body}data: ${JSON.stringify(usageChunk())}` },
      counted,
    ],
    ['of Groq', 'stream', sse(moons, end('stop', { x_groq: { id: 'r', ...usage() } })), counted],
    [
      'of Groq in its first chunk',
      'stream',
      sse(piece({ role: 'assistant' }), { ...moons, x_groq: usage() }, end()),
      counted,
    ],
    [
      'of Moonshot, within the choice',
      'stream',
      sse(moons, piece({}, { finish_reason: 'stop', ...usage() })),
      counted,
    ],
    ['within the choice, whole', 'whole', whole({ content: 'Two moons' }, usage(), {}), counted],
    [
      'growing from chunk to chunk',
      'stream',
      sse({ ...moons, ...usage(10, 1) }, end('stop', usage(10, 2))),
      counted,
    ],
    ['and then zeros', 'stream', sse(moons, end('stop', usage()), usageChunk(0, 0)), counted],
    [
      'under other names',
      'whole',
      whole({ content: 'Two moons' }, {}, { usage: { input_tokens: 10, output_tokens: 2 } }),
      counted,
    ],
    [
      'by the total',
      'whole',
      whole({ content: 'Two moons' }, {}, { usage: { prompt_tokens: 10, total_tokens: 12 } }),
      counted,
    ],
    ['that is null', 'stream', sse({ ...moons, usage: null }, end('stop', { usage: null })), uncounted],
  ];
  it.each(rows)('is found %s (%s)', async (_, mode, response, right) => {
    expect(await askUpstream(mode, [response])).toMatchObject(right);
  });

  it.each([
    [-1, 2],
    [10, -2],
    [-1e6, -1e6],
    [1e300, 2],
    [10, 1e15],
    [10.5, 2],
    ['10', '2'],
    [null, 2],
    [true, 2],
    [[10], 2],
  ])('that cannot be true is unknown: %j and %j', async (input, output) => {
    expect(await askUpstream('stream', [sse(moons, end(), usageChunk(input, output))])).toMatchObject(
      uncounted,
    );
    const response = whole({ content: 'Two moons' }, {}, usage(input, output));
    expect(await askUpstream('whole', [response])).toMatchObject(uncounted);
  });

  it('that is larger than any number is unknown', async () => {
    const body = whole({ content: 'Two moons' }).body as string;
    expect(
      await askUpstream('whole', [{ body: body.replace('"prompt_tokens":10', '"prompt_tokens":1e999') }]),
    ).toMatchObject(uncounted);
  });
});

describe('the form of what is sent', () => {
  const events = sse(moons, end(), '[DONE]').body as string;
  const json = whole({ content: 'Two moons' }).body as string;
  const types = [
    'text/plain; charset=utf-8',
    'application/octet-stream',
    'application/json',
    'Text/Event-Stream',
    'application/x-ndjson',
    '',
  ];

  it.each(types)(
    'events are read as such under the content type %j, whatever was asked for',
    async (type) => {
      expect(await askUpstream('stream', [raw(events, type)])).toMatchObject(MOONS);
      expect(await askUpstream('whole', [raw(events, type)])).toMatchObject(MOONS);
    },
  );

  it.each(types)('so is a whole answer, under %j', async (type) => {
    expect(await askUpstream('stream', [raw(json, type)])).toMatchObject(MOONS);
    expect(await askUpstream('whole', [raw(json, type)])).toMatchObject(MOONS);
  });

  const rows: Row[] = [
    ['an empty event', 'stream', raw(`data:\n\n${events}`), MOONS],
    ['an empty event at its end', 'stream', raw(`${sse(moons).body}data: \n\n${sse(end()).body}`), MOONS],
    ['a comment', 'stream', raw(`: OPENROUTER PROCESSING\n\n${events}`), MOONS],
    ['a comment as data', 'stream', raw(`data: : OPENROUTER PROCESSING\n\n${events}`), MOONS],
    ['null as data', 'stream', raw(`data: null\n\n${events}`), MOONS],
    ['pings', 'stream', raw(`event: ping\ndata: pong\n\nevent: keepalive\ndata: x\n\n${events}`), MOONS],
    ['lines that mean nothing', 'stream', raw(`hello\nfoo: bar\nid: 7\nretry: 1000\n${events}`), MOONS],
    ['empty lines before it begins', 'stream', raw(`\n\n\r\n${events}`, 'text/plain'), MOONS],
    ['a byte order mark', 'stream', raw(`\ufeff${events}`, 'text/plain'), MOONS],
    ['no space behind the colon', 'stream', raw(events.replaceAll('data: ', 'data:')), MOONS],
    ['CRLF', 'stream', raw(events.replaceAll('\n', '\r\n')), MOONS],
    ['CR', 'stream', raw(events.replaceAll('\n', '\r')), MOONS],
    ['all three line ends', 'stream', raw(events.replace('\n\n', '\r\n\n').replace('\n\n', '\r\r\n')), MOONS],
    [
      'one JSON over several lines',
      'stream',
      raw(`data: {"choices":[\ndata: {"delta":{"content":"Two moons"},"finish_reason":"stop"}\ndata: ]}\n\n`),
      MOONS,
    ],
    ['no empty lines between', 'stream', raw(events.replaceAll('\n\n', '\n')), MOONS],
    ['no empty line at the end', 'stream', raw((sse(moons, end()).body as string).trimEnd()), MOONS],
    ['one line feed at the end', 'stream', raw(`${(sse(moons, end()).body as string).trimEnd()}\n`), MOONS],
    ['a last event that is cut', 'stream', raw((sse(moons, end()).body as string).slice(0, -20)), BROKEN],
    [
      'a last event that is cut, after the finish',
      'stream',
      raw((sse(moons, end(), usageChunk()).body as string).slice(0, -20)),
      { ...MOONS, usage: null },
    ],
    ['[DONE] behind a whole answer', 'whole', raw(`${json}\n\ndata: [DONE]\n\n`), MOONS],
    ['a whole answer as one event', 'whole', raw(`data:${json}\n\n`), MOONS],
    ['no [DONE]', 'stream', sse(moons, end()), MOONS],
    ['[DONE] and no finish', 'stream', sse(moons, '[DONE]'), BROKEN],
    ['a page', 'stream', raw('<html>Welcome</html>', 'text/html'), FELL_BACK],
    ['a page as events', 'stream', raw('<html>Welcome</html>'), FELL_BACK],
    ['nothing', 'stream', raw(''), FELL_BACK],
    ['nothing, whole', 'whole', raw('', 'application/json'), FELL_BACK],
    ['nothing but blank lines', 'stream', raw('\n'.repeat(1000)), FELL_BACK],
    ['text that is no JSON', 'stream', raw('data: hello\n\n'), FELL_BACK],
    ['half a body', 'whole', raw(json.slice(0, -10), 'application/json'), FELL_BACK],
  ];
  it.each(rows)('%s (%s)', async (_, mode, response, right) => {
    expect(await askUpstream(mode, [response])).toMatchObject(right);
  });
});
