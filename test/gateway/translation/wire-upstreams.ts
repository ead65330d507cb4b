import type { ServerResponse } from 'node:http';
import { EventStreamCodec } from '@smithy/eventstream-codec';
import type { Got } from '../gateway-fixture.ts';

/** What a model says, whichever wire it comes by. */
export interface Said {
  readonly reasoning?: string;
  readonly text?: string;
  readonly calls?: readonly { readonly id: string; readonly name: string; readonly input: unknown }[];
  readonly finish?: 'stop' | 'length' | 'calls' | 'filtered';
}

/** An item of a response, of any kind. */
interface OutputItem {
  readonly id: string;
  readonly type: string;
  readonly content?: readonly { readonly type: string; readonly text: string }[];
  readonly summary?: readonly { readonly type: string; readonly text: string }[];
  readonly arguments?: string;
}

type Wire = 'chat' | 'responses' | 'anthropic' | 'google' | 'bedrock';

/** Of every wire the same: 100 tokens read, 40 of them from a cache, and 10 written, 4 of them thoughts where it tells of them. */
export const USAGE = { input: 100, cached: 40, output: 10, thoughts: 4 };

const event = (data: unknown, name?: string) =>
  `${name === undefined ? '' : `event: ${name}\n`}data: ${JSON.stringify(data)}\n\n`;

/** A text in two pieces, so that what comes in pieces is put together. */
const halves = (text: string) =>
  [text.slice(0, Math.ceil(text.length / 2)), text.slice(Math.ceil(text.length / 2))].filter(
    (piece) => piece !== '',
  );

const isMistral = (model: string) => model.startsWith('mistral');

/** How each wire writes it, whole and in events: written by hand after the providers' documentation. */
const WIRES: Readonly<
  Record<
    Wire,
    { whole(said: Said, model: string): unknown; events(said: Said, model: string): readonly unknown[] }
  >
> = {
  chat: {
    whole: ({ calls = [], finish, reasoning, text = '' }, model) => ({
      id: 'chatcmpl-1',
      object: 'chat.completion',
      created: 1,
      model,
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content: text,
            ...(reasoning === undefined ? {} : { reasoning_content: reasoning }),
            ...(calls.length === 0 ? {} : { tool_calls: calls.map((call) => chatCall(call)) }),
          },
          finish_reason: CHAT[finish ?? 'stop'],
        },
      ],
      usage: CHAT_USAGE,
    }),
    events({ calls = [], finish, reasoning = '', text = '' }, model) {
      const chunk = (delta: unknown, reason: string | null = null) => ({
        id: 'chatcmpl-1',
        object: 'chat.completion.chunk',
        created: 1,
        model,
        choices: [{ index: 0, delta, finish_reason: reason }],
      });
      return [
        chunk({ role: 'assistant', content: '' }),
        ...halves(reasoning).map((piece) => chunk({ reasoning_content: piece })),
        ...halves(text).map((content) => chunk({ content })),
        ...calls.flatMap((call, index) => [
          // Mistral gives calls whole.
          chunk({ tool_calls: [{ index, ...chatCall(call, isMistral(model) ? undefined : '') }] }),
          ...halves(isMistral(model) ? '' : JSON.stringify(call.input)).map((piece) =>
            chunk({ tool_calls: [{ index, function: { arguments: piece } }] }),
          ),
        ]),
        // Mistral counts with the end.
        ...(isMistral(model)
          ? [{ ...chunk({ content: '' }, CHAT[finish ?? 'stop']), usage: CHAT_USAGE }]
          : [chunk({}, CHAT[finish ?? 'stop']), { ...chunk({}), choices: [], usage: CHAT_USAGE }]),
      ]
        .map((data) => event(data))
        .concat('data: [DONE]\n\n');
    },
  },
  responses: {
    whole: (said, model) => response(said, model),
    events(said, model) {
      const whole = response(said, model);
      let sequence_number = 0;
      const say = (type: string, more: object) =>
        event({ type, sequence_number: sequence_number++, ...more }, type);
      const begun = { ...whole, status: 'in_progress', output: [], usage: null };
      return [
        say('response.created', { response: begun }),
        say('response.in_progress', { response: begun }),
        ...(whole.output as OutputItem[]).flatMap((item, output_index) => {
          const at = { item_id: item.id, output_index };
          const { arguments: written, content: [part] = [], summary: [thought] = [] } = item;
          const added = {
            ...item,
            ...(part === undefined ? {} : { content: [] }),
            ...(thought === undefined ? {} : { summary: [] }),
            ...(written === undefined ? {} : { arguments: '' }),
          };
          const inside = [
            ...(part === undefined
              ? []
              : [
                  say('response.content_part.added', {
                    ...at,
                    content_index: 0,
                    part: { ...part, text: '' },
                  }),
                  ...halves(part.text).map((delta) =>
                    say('response.output_text.delta', { ...at, content_index: 0, delta, logprobs: [] }),
                  ),
                  say('response.output_text.done', {
                    ...at,
                    content_index: 0,
                    text: part.text,
                    logprobs: [],
                  }),
                  say('response.content_part.done', { ...at, content_index: 0, part }),
                ]),
            ...(thought === undefined
              ? []
              : [
                  say('response.reasoning_summary_part.added', {
                    ...at,
                    summary_index: 0,
                    part: { ...thought, text: '' },
                  }),
                  ...halves(thought.text).map((delta) =>
                    say('response.reasoning_summary_text.delta', { ...at, summary_index: 0, delta }),
                  ),
                  say('response.reasoning_summary_text.done', {
                    ...at,
                    summary_index: 0,
                    text: thought.text,
                  }),
                  say('response.reasoning_summary_part.done', { ...at, summary_index: 0, part: thought }),
                ]),
            ...(written === undefined
              ? []
              : [
                  ...halves(written).map((delta) =>
                    say('response.function_call_arguments.delta', { ...at, delta }),
                  ),
                  say('response.function_call_arguments.done', { ...at, arguments: written }),
                ]),
          ];
          return [
            say('response.output_item.added', { output_index, item: added }),
            ...inside,
            say('response.output_item.done', { output_index, item }),
          ];
        }),
        say(`response.${whole.status}`, { response: whole }),
      ];
    },
  },
  anthropic: {
    whole: ({ calls = [], finish, reasoning, text }, model) => ({
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model,
      content: [
        ...(reasoning === undefined ? [] : [{ type: 'thinking', thinking: reasoning, signature: 'c2ln' }]),
        ...(text === undefined ? [] : [{ type: 'text', text }]),
        ...calls.map((call) => ({ type: 'tool_use', ...call })),
      ],
      stop_reason: ANTHROPIC[finish ?? 'stop'],
      stop_sequence: null,
      usage: ANTHROPIC_USAGE,
    }),
    events({ calls = [], finish, reasoning, text }, model) {
      const blocks = [
        ...(reasoning === undefined
          ? []
          : [
              {
                begun: { type: 'thinking', thinking: '', signature: '' },
                deltas: [
                  ...halves(reasoning).map((thinking) => ({ type: 'thinking_delta', thinking })),
                  { type: 'signature_delta', signature: 'c2ln' },
                ],
              },
            ]),
        ...(text === undefined
          ? []
          : [
              {
                begun: { type: 'text', text: '' },
                deltas: halves(text).map((piece) => ({ type: 'text_delta', text: piece })),
              },
            ]),
        ...calls.map(({ id, input, name }) => ({
          begun: { type: 'tool_use', id, name, input: {} },
          deltas: halves(JSON.stringify(input)).map((piece) => ({
            type: 'input_json_delta',
            partial_json: piece,
          })),
        })),
      ];
      const say = (data: { type: string }) => event(data, data.type);
      return [
        say({
          type: 'message_start',
          message: {
            id: 'msg_1',
            type: 'message',
            role: 'assistant',
            model,
            content: [],
            stop_reason: null,
            stop_sequence: null,
            usage: { ...ANTHROPIC_USAGE, output_tokens: 1 },
          },
        } as never),
        ...blocks.flatMap(({ begun, deltas }, index) => [
          say({ type: 'content_block_start', index, content_block: begun } as never),
          ...deltas.map((delta) => say({ type: 'content_block_delta', index, delta } as never)),
          say({ type: 'content_block_stop', index } as never),
        ]),
        say({
          type: 'message_delta',
          delta: { stop_reason: ANTHROPIC[finish ?? 'stop'], stop_sequence: null },
          usage: { output_tokens: USAGE.output },
        } as never),
        say({ type: 'message_stop' }),
      ];
    },
  },
  google: {
    whole: (said, model) => candidates(said, model, parts(said)),
    events(said, model) {
      const all = parts(said);
      return [
        ...all
          .slice(0, -1)
          .map((part) => event({ candidates: [{ content: { role: 'model', parts: [part] }, index: 0 }] })),
        event(candidates(said, model, all.slice(-1))),
      ];
    },
  },
  bedrock: {
    whole: ({ calls = [], finish, reasoning, text }) => ({
      output: {
        message: {
          role: 'assistant',
          content: [
            ...(reasoning === undefined
              ? []
              : [{ reasoningContent: { reasoningText: { text: reasoning, signature: 'c2ln' } } }]),
            ...(text === undefined ? [] : [{ text }]),
            ...calls.map(({ id, input, name }) => ({ toolUse: { toolUseId: id, name, input } })),
          ],
        },
      },
      stopReason: ANTHROPIC[finish ?? 'stop'],
      usage: BEDROCK_USAGE,
      metrics: { latencyMs: 1 },
    }),
    events({ calls = [], finish, reasoning, text }) {
      let index = 0;
      const block = (start: object | undefined, deltas: readonly object[]) => {
        const contentBlockIndex = index++;
        return [
          ...(start === undefined ? [] : [frame('contentBlockStart', { contentBlockIndex, start })]),
          ...deltas.map((delta) => frame('contentBlockDelta', { contentBlockIndex, delta })),
          frame('contentBlockStop', { contentBlockIndex }),
        ];
      };
      return [
        frame('messageStart', { role: 'assistant' }),
        ...(reasoning === undefined
          ? []
          : block(undefined, [
              ...halves(reasoning).map((piece) => ({ reasoningContent: { text: piece } })),
              { reasoningContent: { signature: 'c2ln' } },
            ])),
        ...(text === undefined
          ? []
          : block(
              undefined,
              halves(text).map((piece) => ({ text: piece })),
            )),
        ...calls.flatMap(({ id, input, name }) =>
          block(
            { toolUse: { toolUseId: id, name } },
            halves(JSON.stringify(input)).map((piece) => ({ toolUse: { input: piece } })),
          ),
        ),
        frame('messageStop', { stopReason: ANTHROPIC[finish ?? 'stop'] }),
        frame('metadata', { usage: BEDROCK_USAGE, metrics: { latencyMs: 1 } }),
      ];
    },
  },
};

const CHAT = { stop: 'stop', length: 'length', calls: 'tool_calls', filtered: 'content_filter' };
const CHAT_USAGE = {
  prompt_tokens: USAGE.input,
  completion_tokens: USAGE.output,
  total_tokens: USAGE.input + USAGE.output,
  prompt_tokens_details: { cached_tokens: USAGE.cached },
  completion_tokens_details: { reasoning_tokens: USAGE.thoughts },
};
const chatCall = (
  { id, input, name }: NonNullable<Said['calls']>[number],
  written = JSON.stringify(input),
) => ({
  id,
  type: 'function',
  function: { name, arguments: written },
});

function response({ calls = [], finish, reasoning, text }: Said, model: string) {
  const isCut = finish === 'length' || finish === 'filtered';
  return {
    id: 'resp_1',
    object: 'response',
    created_at: 1,
    status: isCut ? 'incomplete' : 'completed',
    error: null,
    incomplete_details: isCut
      ? { reason: finish === 'length' ? 'max_output_tokens' : 'content_filter' }
      : null,
    model,
    output: [
      ...(reasoning === undefined
        ? []
        : [
            {
              id: 'rs_1',
              type: 'reasoning',
              encrypted_content: 'enc',
              summary: [{ type: 'summary_text', text: reasoning }],
            },
          ]),
      ...(text === undefined
        ? []
        : [
            {
              id: 'msg_1',
              type: 'message',
              status: 'completed',
              role: 'assistant',
              content: [{ type: 'output_text', text, annotations: [], logprobs: [] }],
            },
          ]),
      ...calls.map(({ id, input, name }) => ({
        id: `fc_${id}`,
        type: 'function_call',
        status: 'completed',
        call_id: id,
        name,
        arguments: JSON.stringify(input),
      })),
    ],
    usage: {
      input_tokens: USAGE.input,
      input_tokens_details: { cached_tokens: USAGE.cached },
      output_tokens: USAGE.output,
      output_tokens_details: { reasoning_tokens: USAGE.thoughts },
      total_tokens: USAGE.input + USAGE.output,
    },
    instructions: null,
    metadata: {},
    parallel_tool_calls: true,
    temperature: 1,
    tool_choice: 'auto',
    tools: [],
    top_p: 1,
  };
}

const ANTHROPIC = { stop: 'end_turn', length: 'max_tokens', calls: 'tool_use', filtered: 'refusal' };
const ANTHROPIC_USAGE = {
  input_tokens: USAGE.input - USAGE.cached,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: USAGE.cached,
  output_tokens: USAGE.output,
};

const GOOGLE = { stop: 'STOP', calls: 'STOP', length: 'MAX_TOKENS', filtered: 'SAFETY' };

/** Thoughts are counted apart there. */
const candidates = ({ finish }: Said, modelVersion: string, all: readonly object[]) => ({
  candidates: [{ content: { role: 'model', parts: all }, finishReason: GOOGLE[finish ?? 'stop'], index: 0 }],
  usageMetadata: {
    promptTokenCount: USAGE.input,
    cachedContentTokenCount: USAGE.cached,
    candidatesTokenCount: USAGE.output - USAGE.thoughts,
    thoughtsTokenCount: USAGE.thoughts,
    totalTokenCount: USAGE.input + USAGE.output,
  },
  modelVersion,
});

function parts({ calls = [], reasoning, text }: Said) {
  return [
    ...(reasoning === undefined ? [] : halves(reasoning).map((piece) => ({ text: piece, thought: true }))),
    ...(text === undefined ? [] : halves(text).map((piece) => ({ text: piece }))),
    ...calls.map(({ input, name }) => ({
      functionCall: { name, args: input },
      thoughtSignature: Buffer.from(`thought of ${name}`).toString('base64'),
    })),
  ];
}

const BEDROCK_USAGE = {
  inputTokens: USAGE.input - USAGE.cached,
  outputTokens: USAGE.output,
  totalTokens: USAGE.input + USAGE.output,
  cacheReadInputTokens: USAGE.cached,
  cacheWriteInputTokens: 0,
};

const codec = new EventStreamCodec(
  (bytes) => Buffer.from(bytes as Uint8Array).toString(),
  (text) => Buffer.from(text),
);

/** Amazon's own binary framing of events. */
function frame(type: string, body: unknown): Uint8Array {
  return codec.encode({
    headers: {
      ':message-type': { type: 'string', value: 'event' },
      ':event-type': { type: 'string', value: type },
      ':content-type': { type: 'string', value: 'application/json' },
    },
    body: Buffer.from(JSON.stringify(body)),
  });
}

interface Asked {
  readonly wire: Wire;
  readonly stream: boolean;
  readonly model: string;
}

/** Which wire a request came by, whether it wants events, and of which model. */
export function askedOf({ body, url }: Pick<Got, 'body' | 'url'>): Asked {
  const google = /\/models\/([^/:]+):(streamGenerateContent|generateContent)/.exec(url);
  if (google !== null)
    return { wire: 'google', stream: google[2] === 'streamGenerateContent', model: google[1] };
  const bedrock = /\/model\/([^/]+)\/(converse-stream|converse)/.exec(url);
  if (bedrock !== null)
    return {
      wire: 'bedrock',
      stream: bedrock[2] === 'converse-stream',
      model: decodeURIComponent(bedrock[1]),
    };
  const wire = /\/messages/.test(url) ? 'anthropic' : /\/responses/.test(url) ? 'responses' : 'chat';
  return { wire, stream: body.stream === true, model: String(body.model) };
}

/** Answers a request by whichever wire it came, and as it was asked: whole or in events. */
export function sayByWire(said: Said | ((asked: Asked) => Said)) {
  return (got: Got, response: ServerResponse): void => {
    const asked = askedOf(got);
    const what = typeof said === 'function' ? said(asked) : said;
    const { events, whole } = WIRES[asked.wire];
    if (!asked.stream) {
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify(whole(what, asked.model)));
      return;
    }
    const type = asked.wire === 'bedrock' ? 'application/vnd.amazon.eventstream' : 'text/event-stream';
    response.writeHead(200, { 'content-type': type });
    for (const piece of events(what, asked.model)) response.write(piece);
    response.end();
  };
}

/** What of a stream each wire sends first; then the connection is cut. */
export function cutByWire(said: Said, share: number) {
  return (got: Got, response: ServerResponse): void => {
    const { model, wire } = askedOf(got);
    const all = Buffer.concat(WIRES[wire].events(said, model).map((piece) => Buffer.from(piece as string)));
    const type = wire === 'bedrock' ? 'application/vnd.amazon.eventstream' : 'text/event-stream';
    response.writeHead(200, { 'content-type': type });
    response.write(all.subarray(0, Math.floor(all.length * share)), () => response.destroy());
  };
}

/** An upstream of each provider on one address, and a candidate of each under the name of its provider. */
export function everyProvider(url: string) {
  const apiKey = '${MOCK_KEY}';
  const prices = {
    inputPricePerMillionTokens: 1,
    cachedInputPricePerMillionTokens: 0.5,
    outputPricePerMillionTokens: 10,
  };
  const upstreams = {
    openai: { provider: 'openai', baseUrl: `${url}/v1`, apiKey },
    compatible: { provider: 'openai-compatible', baseUrl: `${url}/v1`, apiKey },
    azure: { provider: 'azure', baseUrl: `${url}/openai`, apiKey },
    anthropic: { provider: 'anthropic', baseUrl: `${url}/v1`, apiKey },
    google: { provider: 'google', baseUrl: `${url}/v1beta`, apiKey },
    bedrock: { provider: 'bedrock', baseUrl: url, apiKey, options: { region: 'us-east-1' } },
    mistral: { provider: '@ai-sdk/mistral', baseUrl: `${url}/v1`, apiKey },
  };
  const candidates = {
    openai: { upstream: 'openai', model: 'gpt-5', ...prices },
    compatible: { upstream: 'compatible', model: 'qwen3-8b', ...prices },
    azure: { upstream: 'azure', model: 'gpt-5', ...prices },
    anthropic: { upstream: 'anthropic', model: 'claude-sonnet-4-5', ...prices },
    google: { upstream: 'google', model: 'gemini-2.5-flash', ...prices },
    bedrock: { upstream: 'bedrock', model: 'anthropic.claude-sonnet-4-5', ...prices },
    mistral: { upstream: 'mistral', model: 'mistral-large-latest', ...prices },
  };
  return { upstreams, candidates };
}
