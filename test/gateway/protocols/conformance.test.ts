import { describe, expect, it } from 'vitest';
import { PROTOCOLS } from '../../../gateway/create-gateway.ts';
import { Problem } from '../../../gateway/problem.ts';
import { answer, compare, facts, pieces } from './sdk-shapes.ts';

const EVENTS = {
  // Whose turn it is, thoughts, text, the call and its arguments, the end, the usage.
  'openai-chat': [...Array.from({ length: 7 }, () => 'chat.completion.chunk'), '[DONE]'],
  anthropic: [
    'message_start',
    'content_block_start',
    'content_block_delta',
    'content_block_delta',
    'content_block_stop',
    'content_block_start',
    'content_block_delta',
    'content_block_stop',
    'content_block_start',
    'content_block_delta',
    'content_block_stop',
    'message_delta',
    'message_stop',
  ],
  'openai-responses': [
    'response.created',
    'response.in_progress',
    'response.output_item.added',
    'response.reasoning_summary_part.added',
    'response.reasoning_summary_text.delta',
    'response.reasoning_summary_text.done',
    'response.reasoning_summary_part.done',
    'response.output_item.done',
    'response.output_item.added',
    'response.content_part.added',
    'response.output_text.delta',
    'response.output_text.done',
    'response.content_part.done',
    'response.output_item.done',
    'response.output_item.added',
    'response.function_call_arguments.delta',
    'response.function_call_arguments.done',
    'response.output_item.done',
    'response.completed',
  ],
};

describe.each(PROTOCOLS)('what the gateway itself writes in $name', (protocol) => {
  const { name } = protocol;
  const body = { stream_options: { include_usage: true } };

  it('is a whole answer with every field that the SDK declares', () => {
    const whole = JSON.parse(protocol.writer(body).whole(answer, facts));
    const { missing, seen } = compare(name, 'body', whole);
    expect(missing).toEqual([]);
    expect(seen.size).toBeGreaterThan(2);
    expect(JSON.stringify(whole)).toContain('"m1"');
  });

  it('is a stream with its events in order, each with every field that the SDK declares', () => {
    const writer = protocol.writer(body);
    const sent = pieces.map((piece) => writer.piece(piece, facts)).join('') + writer.end();
    expect(writer.end()).toBe('');
    const events = sent
      .trimEnd()
      .split('\n\n')
      .map((lines) => {
        const [, named, data] = /^(?:event: (.*)\n)?data: (.*)$/.exec(lines)!;
        const said = data === '[DONE]' ? { type: data } : JSON.parse(data);
        expect(named).toBe(name === 'openai-chat' ? undefined : said.type);
        return said;
      });
    expect(events.map(({ object, type }) => type ?? object)).toEqual(EVENTS[name]);
    const compared = events
      .filter(({ type }) => type !== '[DONE]')
      .map((said) => compare(name, 'event', said));
    expect(compared.flatMap(({ missing }) => missing)).toEqual([]);
    expect(compared.every(({ seen }) => seen.size > 0)).toBe(true);
  });

  it.each([
    [400, 'invalid_request_error', 'invalid_request_error'],
    [401, 'authentication_error', 'authentication_error'],
    [402, 'insufficient_quota', 'billing_error'],
    [403, 'permission_error', 'permission_error'],
    [404, 'invalid_request_error', 'not_found_error'],
    [413, 'invalid_request_error', 'request_too_large'],
    [429, 'rate_limit_error', 'rate_limit_error'],
    [502, 'server_error', 'api_error'],
    [503, 'server_error', 'overloaded_error'],
    [504, 'server_error', 'timeout_error'],
  ])('is an error of status %i with its own name', (status, openai, anthropic) => {
    const written = protocol.problem(new Problem(status, 'a_code', 'No.', { param: 'model' }));
    const error = {
      type: name === 'anthropic' ? anthropic : openai,
      message: 'No.',
      param: 'model',
      code: 'a_code',
    };
    expect(written).toEqual(name === 'anthropic' ? { type: 'error', error, request_id: null } : { error });
  });
});

it('notices a field that is missing', () => {
  const { missing } = compare('anthropic', 'event', { type: 'content_block_stop' });
  expect(missing).toEqual(['RawContentBlockStopEvent.index']);
});
