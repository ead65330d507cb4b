import { describe, expect, it } from 'vitest';
import { inputOf } from '../../../gateway/translation/call.ts';
import { ask, mockUpstream, post, resetBeforeEach, testConfig, testGateway } from '../gateway-fixture.ts';

const upstream = await mockUpstream();
const config = await testConfig(upstream, {
  upstreams: {
    mock: {
      baseUrl: `${upstream.url}/v1`,
      apiKey: '${MOCK_KEY}',
      protocol: ['openai-chat', 'anthropic', 'openai-responses'],
    },
  },
  embeddings: { embed: { upstream: 'mock', model: 'embed-1' } },
});
const gateway = await testGateway(config);

resetBeforeEach(upstream);

const words = 'What is 17 * 23?';
const questions = [{ type: 'predicate', instructions: 'm2 answers well' }];
const BODIES: readonly (readonly [path: string, body: object])[] = [
  ['/v1/chat/completions', ask()],
  ['/v1/chat/completions', ask({ stream: true })],
  ['/v1/messages', ask({ max_tokens: 5 })],
  ['/v1/messages/count_tokens', ask()],
  ['/v1/responses', { model: 'auto', input: words }],
  ['/v1/embeddings', { model: 'embed', input: words }],
  ['/v1/route', { text: words }],
  ['/v1/decisions', { model: 'auto', input: words, questions }],
  ['/v1/feedback', { decisionId: 'dec_1', rating: 1 }],
];

/** A list in a list in a list. */
const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
const withField = (body: object, value: string) => `${JSON.stringify(body).slice(0, -1)},"x":${value}}`;

describe('a body whose lists and objects lie too deep in each other', () => {
  it.each(BODIES)('is refused by %s as a wrong request (%j)', async (path, body) => {
    for (const value of [nested(100_000), nested(200), `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`]) {
      const response = await post(gateway, path, withField(body, value));
      const said = await response.text();
      expect([response.status, said]).toEqual([400, expect.stringContaining('at most 200 levels')]);
      expect(said).toMatch(/invalid_request/);
    }
    expect(upstream.got).toEqual([]);
  });

  it('goes on to the upstream where it has as many levels as it may', async () => {
    expect((await post(gateway, '/v1/chat/completions', withField(ask(), nested(199)))).status).toBe(200);
  });

  it('is refused in the arguments of a call, which are JSON in a text', () => {
    expect(() => inputOf(nested(100_000), 'arguments')).toThrow('at most 200 levels');
    expect(inputOf(nested(200), 'arguments')).toEqual(JSON.parse(nested(200)));
  });
});
