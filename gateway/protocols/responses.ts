import type { Message } from 'pointsman';
import type { Answer, Usage } from 'pointsman/execution';
import { type Fields, fieldsOf, isFields } from '../upstreams/wire.ts';
import { openAiProblem } from './chat-completions.ts';
import {
  type AnswerFacts,
  createAnswerWriter,
  namedEvent,
  type Protocol,
  readCommon,
  readFormat,
  wrong,
} from './protocol.ts';

/** OpenAI's `POST /v1/responses`. */
export const responses: Protocol = {
  name: 'openai-responses',
  route: '/v1/responses',
  read(body) {
    const { metadata, model, rest, stream, tools } = readCommon(body);
    const { background, input, instructions, prompt, text } = rest;
    if (background === true)
      throw wrong('background', 'left out: answers are waited for, and cannot be fetched later');
    const items = typeof input === 'string' ? [{ role: 'user', content: input }] : input;
    const isLeftOut = (input === undefined || input === null) && isFields(prompt);
    if (!isLeftOut && (!Array.isArray(items) || items.length === 0 || !items.every(isFields)))
      throw wrong('input', 'a text or a list of items, at least one');
    const before =
      typeof instructions === 'string' && instructions !== ''
        ? [{ role: 'system', content: instructions }]
        : [];
    const said = [...before, ...(Array.isArray(items) ? items : [])];
    return {
      model,
      stream,
      metadata,
      request: {
        protocol: 'openai-responses',
        messages: said as unknown as readonly Message[],
        said: said.length,
        ...tools,
        ...readFormat(fieldsOf(text).format),
        parameters: rest,
      },
    };
  },
  writer() {
    let sent = 0;
    return createAnswerWriter({
      compose: responseOf,
      events: eventsOf,
      pass(text) {
        sent = Number(/"sequence_number": ?(\d+)/.exec(text)?.[1] ?? sent) + 1;
        return text;
      },
      // Their last event says how it ended.
      end: '',
      isEnd: () => true,
      broken: ({ code, message, param }) =>
        namedEvent({ type: 'error', code, message, param, sequence_number: sent }),
    });
  },
  problem: openAiProblem,
};

/** A response as OpenAI writes it. */
function responseOf(answer: Answer, { candidate, created, id }: AnswerFacts): Fields {
  const { finishReason, model, reasoning, text, toolCalls, usage } = answer;
  const reason =
    finishReason === 'length'
      ? 'max_output_tokens'
      : finishReason === 'content-filter'
        ? 'content_filter'
        : null;
  const status = reason === null ? 'completed' : 'incomplete';
  return {
    id: `resp_${id}`,
    object: 'response',
    created_at: created,
    status,
    error: null,
    incomplete_details: reason === null ? null : { reason },
    model: model || candidate,
    output: [
      ...(reasoning === ''
        ? []
        : [{ id: `rs_${id}`, type: 'reasoning', summary: [{ type: 'summary_text', text: reasoning }] }]),
      ...(text === ''
        ? []
        : [
            {
              id: `msg_${id}`,
              type: 'message',
              status,
              role: 'assistant',
              content: [{ type: 'output_text', text, annotations: [], logprobs: [] }],
            },
          ]),
      ...toolCalls.map((call, i) => ({
        id: `fc_${id}_${i}`,
        type: 'function_call',
        status,
        call_id: call.id,
        name: call.name,
        arguments: call.arguments,
      })),
    ],
    instructions: null,
    metadata: {},
    parallel_tool_calls: true,
    temperature: null,
    tool_choice: 'auto',
    tools: [],
    top_p: null,
    ...(usage === null ? {} : { usage: usageOf(usage) }),
  };
}

function usageOf({ cachedInputTokens = 0, inputTokens, outputTokens, reasoningTokens = 0 }: Usage): Fields {
  return {
    input_tokens: inputTokens,
    input_tokens_details: { cached_tokens: cachedInputTokens },
    output_tokens: outputTokens,
    output_tokens_details: { reasoning_tokens: reasoningTokens },
    total_tokens: inputTokens + outputTokens,
  };
}

/** A whole response as the events of a stream: each part in one piece. */
function eventsOf(response: Fields): string {
  const events: string[] = [];
  const say = (type: string, more: Fields) =>
    events.push(namedEvent({ type, ...more, sequence_number: events.length }));
  const { usage: _, ...rest } = response;
  const begun = { ...rest, status: 'in_progress', incomplete_details: null, output: [] };
  say('response.created', { response: begun });
  say('response.in_progress', { response: begun });
  const items = Array.isArray(response.output) ? response.output.filter(isFields) : [];
  for (const [output_index, item] of items.entries()) {
    const at = { item_id: item.id ?? '', output_index };
    const field =
      item.type === 'function_call' ? 'arguments' : item.type === 'custom_tool_call' ? 'input' : '';
    const parts = item.type === 'message' && Array.isArray(item.content) ? item.content.filter(isFields) : [];
    say('response.output_item.added', {
      output_index,
      item: {
        ...item,
        ...(item.status === undefined ? {} : { status: 'in_progress' }),
        ...(item.type === 'message' ? { content: [] } : {}),
        ...(field === '' ? {} : { [field]: '' }),
      },
    });
    for (const [content_index, part] of parts.entries()) sayPart(say, { ...at, content_index }, part);
    if (field !== '') {
      const type = field === 'input' ? 'custom_tool_call_input' : 'function_call_arguments';
      say(`response.${type}.delta`, { ...at, delta: item[field] });
      say(`response.${type}.done`, { ...at, name: item.name, [field]: item[field] });
    }
    say('response.output_item.done', { output_index, item });
  }
  say(response.status === 'incomplete' ? 'response.incomplete' : 'response.completed', { response });
  return events.join('');
}

function sayPart(say: (type: string, more: Fields) => void, at: Fields, part: Fields): void {
  const isRefusal = part.type === 'refusal';
  const field = isRefusal ? 'refusal' : 'text';
  const type = isRefusal ? 'response.refusal' : 'response.output_text';
  const logprobs = isRefusal ? {} : { logprobs: part.logprobs ?? [] };
  say('response.content_part.added', { ...at, part: { ...part, [field]: '' } });
  say(`${type}.delta`, { ...at, delta: part[field], ...logprobs });
  say(`${type}.done`, { ...at, [field]: part[field], ...logprobs });
  say('response.content_part.done', { ...at, part });
}
