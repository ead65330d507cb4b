import { describe, expect, it } from 'vitest';
import {
  askUpstream,
  end,
  sse,
  text,
  type WireMode,
  type WireResponse,
  whole,
} from '../../fixtures/wire-upstream.ts';

const fine = whole({ content: 'Two moons' });
const refusal = (status: number, body: unknown, headers: Record<string, string> = {}): WireResponse => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});
const said = (body: unknown): WireResponse => ({ body: JSON.stringify(body), headers: {} });
const slow = { error: { message: 'slow' } };

describe('a refusal that passes by waiting', () => {
  it.each([
    ['retry-after-ms', { 'retry-after-ms': '1200' }, 1200],
    ['x-ms-retry-after-ms', { 'x-ms-retry-after-ms': '700' }, 700],
    ['retry-after-ms before retry-after', { 'retry-after-ms': '1200.5', 'retry-after': '4' }, 1200.5],
    ['retry-after in seconds', { 'retry-after': '2' }, 2000],
    ['retry-after as a date', { 'retry-after': 'Thu, 01 Jan 2026 00:00:03 GMT' }, 3000],
    ['a date that is past', { 'retry-after': 'Wed, 31 Dec 2025 00:00:00 GMT' }, undefined],
    ['retry-after-ms that is nonsense', { 'retry-after-ms': 'soon', 'retry-after': '2' }, 2000],
    ['retry-after-ms below 0', { 'retry-after-ms': '-5', 'retry-after': '1' }, 1000],
  ])('is asked again when it says so: %s', async (_, headers, waitMs) => {
    const outcome = await askUpstream('whole', [refusal(429, slow, headers), fine]);
    expect(outcome).toMatchObject({
      by: 'a',
      text: 'Two moons',
      asked: 2,
      waited: waitMs === undefined ? [] : [waitMs],
    });
  });

  it.each([
    ['an hour in milliseconds', { 'retry-after-ms': '3600000' }],
    ['an endless wait', { 'retry-after-ms': '9'.repeat(400) }],
    ['an hour', { 'retry-after': '3600' }],
  ])('is not waited for longer than is allowed: %s', async (_, headers) => {
    expect(await askUpstream('whole', [refusal(429, slow, headers), fine])).toMatchObject({
      by: 'b',
      asked: 1,
    });
  });

  it('goes by x-should-retry before its status', async () => {
    const ask = (status: number, should: string) =>
      askUpstream('whole', [refusal(status, slow, { 'x-should-retry': should }), fine]);
    expect(await ask(429, 'false')).toMatchObject({ by: 'b', asked: 1 });
    expect(await ask(503, 'FALSE')).toMatchObject({ by: 'b', asked: 1 });
    expect(await ask(400, 'true')).toMatchObject({ by: 'a', asked: 2 });
    expect(await ask(429, 'maybe')).toMatchObject({ by: 'a', asked: 2 });
  });
});

describe('a refusal that no waiting changes', () => {
  const never: [what: string, status: number, body: unknown][] = [
    ['a quota, by code', 429, { error: { message: 'x', code: 'insufficient_quota' } }],
    ['a quota, by type', 429, { error: { message: 'x', type: 'insufficient_quota' } }],
    [
      'a quota, in words',
      429,
      { error: { message: 'You exceeded your current quota, please check your plan.' } },
    ],
    ['a quota, as text', 429, 'You exceeded your current quota'],
    ['a quota, error as text', 429, { error: 'insufficient_quota' }],
    [
      'a quota behind a gateway',
      429,
      {
        error: {
          message: 'Provider returned error',
          code: 429,
          metadata: { raw: '{"error":{"code":"insufficient_quota"}}' },
        },
      },
    ],
    [
      'a hard limit of billing',
      429,
      { error: { code: 'billing_hard_limit_reached', message: 'Billing hard limit has been reached' } },
    ],
    ['billing that is not active', 429, { error: { code: 'billing_not_active' } }],
    [
      'credit that is too low',
      429,
      {
        type: 'error',
        error: {
          type: 'invalid_request_error',
          message: 'Your credit balance is too low to access the API.',
        },
      },
    ],
    ['no credits', 429, { error: { message: 'Insufficient credits. Add more using the page.' } }],
    ['no balance, at a 500', 500, { error: { message: 'Insufficient Balance' } }],
    ['a key that is wrong, at a 500', 500, { error: { code: 'invalid_api_key' } }],
    ['a key that is wrong, in words', 503, { error: { message: 'Incorrect API key provided' } }],
    ['a prompt that is too long, at a 500', 500, { error: { code: 'context_length_exceeded' } }],
    [
      'a prompt that is too long, in words',
      500,
      { error: { message: "This model's maximum context length is 8192 tokens" } },
    ],
    ['a model that is not there', 503, { error: { code: 'model_not_found' } }],
    ['what a filter stopped', 500, { error: { code: 'content_policy_violation' } }],
    ['402', 402, slow],
    ['401', 401, slow],
    [
      'a list, as Gemini has it',
      500,
      [{ error: { code: 400, message: 'API key not valid.', status: 'INVALID_ARGUMENT' } }],
    ],
  ];
  it.each(never)('goes to the next candidate at once: %s', async (_, status, body) => {
    for (const mode of ['stream', 'whole'] as const) {
      expect(await askUpstream(mode, [refusal(status, body), fine])).toMatchObject({ by: 'b', asked: 1 });
    }
  });

  it.each([
    [
      'a rate limit',
      429,
      { error: { message: 'Rate limit reached for requests', code: 'rate_limit_exceeded' } },
    ],
    [
      'a limit a minute, which Gemini calls a quota',
      429,
      {
        error: {
          code: 429,
          status: 'RESOURCE_EXHAUSTED',
          message: 'You exceeded your current quota. Please retry in 3s.',
        },
      },
    ],
    ['a server that is busy', 503, { error: { message: 'The engine is overloaded' } }],
    ['an answer without words', 500, ''],
    ['a page', 502, '<html>Bad gateway</html>'],
  ])('is none of these: %s', async (_, status, body) => {
    expect(await askUpstream('whole', [refusal(status, body), fine])).toMatchObject({ by: 'a', asked: 2 });
  });
});

describe('an error that comes with a good status', () => {
  const errors: [what: string, body: unknown, message: string, status: number | null, asked: number][] = [
    ['a text', { error: 'model overloaded' }, 'model overloaded', 529, 3],
    ['an object', { error: { message: 'Overloaded.', code: 529 } }, 'Overloaded.', 529, 3],
    ['a status as text', { error: { message: 'Slow down', code: '429' } }, 'Slow down', 429, 3],
    [
      'a type',
      { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
      'Overloaded',
      529,
      3,
    ],
    ['a rate limit by code', { error: { code: 'rate_limit_exceeded', message: 'Later.' } }, 'Later.', 429, 3],
    ['a quota', { error: { code: 'insufficient_quota', message: 'No more.' } }, 'No more.', 429, 1],
    ['a Google status', { error: { status: 'UNAVAILABLE', message: 'Down.' } }, 'Down.', 503, 3],
    ['a server error', { error: { type: 'server_error', message: 'Oops.' } }, 'Oops.', 500, 3],
    ['vLLM', { object: 'error', message: 'too long', code: 400 }, 'too long', 400, 1],
    ['FastAPI', { detail: 'Not authenticated' }, 'Not authenticated', null, 3],
    ['a gateway', { statusCode: 429, message: 'Rate limit is exceeded.' }, 'Rate limit is exceeded.', 429, 3],
    ['a list of errors', { errors: [{ message: 'Bad luck', code: 500 }] }, 'Bad luck', 500, 3],
    ['a message alone', { message: 'Model is overloaded' }, 'Model is overloaded', 529, 3],
    ['a nested one', { error: { error: { message: 'Within.', code: 503 } } }, 'Within.', 503, 3],
    ['nothing at all', { error: {} }, '{"error":{}}', null, 3],
    ['an empty text', { error: '' }, '{"error":""}', null, 3],
  ];
  const forms: [WireMode, (body: unknown) => WireResponse][] = [
    ['whole', said],
    ['stream', (body) => sse(body)],
    ['stream', said],
  ];
  it.each(errors)('is a failed attempt that keeps its words: %s', async (_, body, message, status, asked) => {
    for (const [mode, form] of forms) {
      const outcome = await askUpstream(mode, [form(body)]);
      expect(outcome).toMatchObject({ by: 'b', asked, error: { code: 'UPSTREAM', status } });
      expect(outcome.error?.message).toContain(message);
    }
  });

  it.each([
    ['as text', 'event: error\ndata: Overloaded\n\n'],
    ['as JSON', 'event: error\ndata: {"message":"Overloaded"}\n\n'],
  ])('may be an event of that name, %s', async (_, body) => {
    const outcome = await askUpstream('stream', [{ body }]);
    expect(outcome).toMatchObject({ by: 'b', asked: 3, error: { status: 529 } });
    expect(outcome.error?.message).toContain('Overloaded');
  });

  it('breaks a stream that has begun', async () => {
    const stream = sse(text('Two'), { error: 'model overloaded' });
    const outcome = await askUpstream('stream', [stream]);
    expect(outcome).toMatchObject({ ending: 'BROKEN_STREAM', asked: 1 });
    expect(outcome.error?.message).toContain('model overloaded');
  });

  it.each([null, '', {}, [], false, { message: '', code: null }])(
    'is none when it is empty, %j, beside an answer',
    async (error) => {
      const right = { by: 'a', text: 'Two moons' };
      expect(await askUpstream('whole', [whole({ content: 'Two moons' }, {}, { error })])).toMatchObject(
        right,
      );
      const stream = sse({ ...text('Two moons'), error }, { ...end(), error });
      expect(await askUpstream('stream', [stream])).toMatchObject(right);
    },
  );
});
