import { type Client, MalformedAnswerError } from 'pointsman/execution';
import { createOpenAiClient } from 'pointsman/openai';
import type { CheckedConfig } from '../config/schema.ts';
import { createAnthropicWire } from './anthropic-wire.ts';
import type { GatewayRequest, UpstreamConnection } from './clients.ts';
import type { Http } from './http.ts';
import type { Fields, Wire, WireModel } from './wire.ts';

/** Candidates whose upstream counts the tokens of a request, by name. */
export type TokenCounters = Readonly<Record<string, Client<GatewayRequest>>>;

/** What Anthropic's counter takes of a request; it refuses anything else. */
const COUNTED = new Set([
  'messages',
  'model',
  'system',
  'tools',
  'tool_choice',
  'thinking',
  'output_config',
  'cache_control',
]);

/** A counter for each candidate whose upstream speaks Anthropic's protocol. */
export function createTokenCounters(
  { candidates }: CheckedConfig,
  connections: ReadonlyMap<string, UpstreamConnection>,
  { fetch }: Http,
): TokenCounters {
  const counters = Object.entries(candidates).flatMap(([name, candidate]) => {
    const connection = connections.get(candidate.upstream)!;
    if (!connection.protocol.includes('anthropic')) return [];
    const { model = name, promptPrefix } = candidate;
    const wire = createCountingWire({
      model,
      defaults: {},
      ...(promptPrefix === undefined ? {} : { promptPrefix }),
    });
    const client = createOpenAiClient({ ...connection, model, rawText: true, wire, fetch });
    const counter: Client<GatewayRequest> = async ({ outgoing, parameters = {} }, context) => {
      const given = await client({ parameters, headers: outgoing?.() ?? {} }, context);
      return 'raw' in given ? { ...given, raw: { candidate: name, text: given.raw } } : given;
    };
    return [[name, counter] as const];
  });
  return Object.fromEntries(counters);
}

/** `POST /v1/messages/count_tokens`, as an upstream speaks it: it costs nothing, and nothing is written. */
function createCountingWire(model: WireModel): Wire {
  const messages = createAnthropicWire(model);
  return {
    ...messages,
    path: 'messages/count_tokens',
    body(request) {
      const fields = Object.entries(messages.body(request, false) as Fields);
      return Object.fromEntries(fields.filter(([field]) => COUNTED.has(field)));
    },
    readWhole({ input_tokens: count }) {
      if (typeof count !== 'number')
        throw new MalformedAnswerError("The upstream gave no count. Check that it speaks Anthropic's API.");
      return { text: '', hasMedia: true, model: '' };
    },
  };
}
