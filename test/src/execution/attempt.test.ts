import { UpstreamError } from 'pointsman/execution';
import { describe, expect, it } from 'vitest';
import { readRetryAfter } from '../../../src/errors.ts';
import { readFailure } from '../../../src/execution/attempt.ts';
import { retryDelayMs } from '../../../src/execution/call.ts';

const now = Date.UTC(2026, 0, 1);

describe('what an error means', () => {
  it.each([
    [408, true],
    [409, true],
    [429, true],
    [500, true],
    [503, true],
    [529, true],
    [400, false],
    [401, false],
    [403, false],
    [404, false],
    [422, false],
  ])('status %i passes: %s, whoever says it', (status, retryable) => {
    expect(readFailure(new UpstreamError('x', { status }), now)).toMatchObject({ status, retryable });
    expect(readFailure(Object.assign(new Error('x'), { status }), now)).toMatchObject({ status, retryable });
    expect(readFailure(Object.assign(new Error('x'), { statusCode: status }), now)).toMatchObject({
      retryable,
    });
  });

  it.each([
    [Object.assign(new TypeError('fetch failed'), { cause: new Error('socket') }), true],
    [new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code: 'ECONNREFUSED' }) }), true],
    [Object.assign(new Error('x'), { code: 'ECONNRESET' }), true],
    [new Error('x', { cause: Object.assign(new Error('y'), { code: 'UND_ERR_SOCKET' }) }), true],
    [Object.assign(new Error('x'), { isRetryable: true }), true],
    [Object.assign(new Error('x'), { isRetryable: false, statusCode: 500 }), false],
    [new TypeError("Cannot read properties of undefined (reading 'x')"), false],
    [new Error('x'), false],
    ['just text', false],
    [undefined, false],
  ])('%s passes: %s', (error, retryable) => {
    expect(readFailure(error, now).retryable).toBe(retryable);
  });

  it('holds the wait that is asked for, from either kind of headers', () => {
    const ask = (headers: unknown) =>
      readFailure(Object.assign(new Error('x'), { headers, status: 429 }), now);
    expect(ask(new Headers({ 'Retry-After': '3' })).retryAfterMs).toBe(3000);
    expect(ask({ 'retry-after': '3' }).retryAfterMs).toBe(3000);
    const sdk = Object.assign(new Error('x'), { responseHeaders: { 'retry-after': '2' } });
    expect(readFailure(sdk, now).retryAfterMs).toBe(2000);
  });
});

describe('Retry-After', () => {
  it.each([
    ['5', 5000],
    [' 0.5 ', 500],
    ['0', 0],
    ['Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
    ['Wed, 31 Dec 2025 23:59:00 GMT', 0],
    ['soon', null],
    ['', null],
    [null, null],
  ])('%j asks for %s milliseconds', (header, ms) => {
    expect(readRetryAfter(header, now)).toBe(ms);
  });

  it('is kept to, and up to a tenth more; without one the bound doubles', () => {
    expect(retryDelayMs(1000, 3, 250, 0)).toBe(1000);
    expect(retryDelayMs(1000, 3, 250, 0.5)).toBe(1050);
    expect([0, 1, 2].map((retry) => retryDelayMs(null, retry, 250, 0.5))).toEqual([125, 250, 500]);
  });
});
