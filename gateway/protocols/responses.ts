import type { Message } from 'pointsman';
import type { Usage } from 'pointsman/execution';
import { UNSIGNED } from '../upstreams/raw-answer.ts';
import { type Fields, fieldsOf, isFields } from '../upstreams/wire.ts';
import { type Block, createBlockReader } from './blocks.ts';
import { openAiProblem } from './chat-completions.ts';
import {
  type AnswerFacts,
  createAnswerWriter,
  type Ending,
  namedEvent,
  type PieceWriter,
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
  writer(body) {
    let sent = 0;
    const echo = echoOf(body);
    return createAnswerWriter({
      compose: (blocks, ending, facts) => responseOf(echo, blocks, ending, facts),
      open: (facts, model) =>
        openEvents(echo, facts, model, (count) => {
          sent = count;
        }),
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

/** Of a request what its response says again. */
function echoOf(body: Fields): Fields {
  const { instructions, metadata, parallel_tool_calls, temperature, text, tool_choice, tools, top_p } = body;
  return {
    instructions: instructions ?? null,
    metadata: metadata ?? {},
    parallel_tool_calls: parallel_tool_calls ?? true,
    temperature: temperature ?? null,
    ...(isFields(text) ? { text } : {}),
    tool_choice: tool_choice ?? 'auto',
    tools: tools ?? [],
    top_p: top_p ?? null,
  };
}

/** A response as OpenAI writes it. */
function responseOf(
  echo: Fields,
  blocks: readonly Block[],
  { model, reason, usage }: Ending,
  { created, id }: AnswerFacts,
): Fields {
  const incomplete = INCOMPLETE[reason];
  const status = incomplete === undefined ? 'completed' : 'incomplete';
  return {
    id: `resp_${id}`,
    object: 'response',
    created_at: created,
    status,
    error: null,
    incomplete_details: incomplete === undefined ? null : { reason: incomplete },
    model,
    output: blocks.map((block, index) => itemOf(block, index, id, status)),
    ...echo,
    ...(usage === null ? {} : { usage: usageOf(usage) }),
  };
}

const INCOMPLETE: Readonly<Partial<Record<Ending['reason'], string>>> = {
  length: 'max_output_tokens',
  'content-filter': 'content_filter',
};

/** One item of the output for each block. */
function itemOf(block: Block, index: number, id: string, status: string): Fields {
  const { kind, text } = block;
  switch (kind) {
    case 'reasoning':
      return {
        id: `rs_${id}_${index}`,
        type: 'reasoning',
        summary: [{ type: 'summary_text', text }],
        encrypted_content: block.signed ?? UNSIGNED,
      };
    case 'signed':
      return { id: `rs_${id}_${index}`, type: 'reasoning', summary: [], encrypted_content: text };
    case 'call':
      return {
        id: `fc_${id}_${index}`,
        type: 'function_call',
        status,
        call_id: block.id,
        name: block.name,
        arguments: text,
      };
    case 'file':
      return { id: `ig_${id}_${index}`, type: 'image_generation_call', status, result: text };
    default:
      return {
        id: `msg_${id}_${index}`,
        type: 'message',
        status,
        role: 'assistant',
        content: [{ type: 'output_text', text, annotations: [], logprobs: [] }],
      };
  }
}

/** The same as events. */
function openEvents(
  echo: Fields,
  facts: AnswerFacts,
  model: string,
  told: (sent: number) => void,
): PieceWriter {
  const { id } = facts;
  let sent = 0;
  const say = (type: string, more: Fields) => {
    told(sent + 1);
    return namedEvent({ type, ...more, sequence_number: sent++ });
  };
  const begin = () => {
    if (sent > 0) return '';
    const response = {
      ...responseOf(echo, [], { model, reason: 'stop', usage: null, stopSequence: null }, facts),
      status: 'in_progress',
    };
    return say('response.created', { response }) + say('response.in_progress', { response });
  };
  const at = (block: Block, index: number) => ({
    item_id: itemOf(block, index, id, '').id,
    output_index: index,
  });
  const part = (text: string) => ({ type: 'output_text', text, annotations: [], logprobs: [] });
  const reader = createBlockReader({
    begin(block, index) {
      const place = at(block, index);
      const { content, ...item } = itemOf({ ...block, text: '' }, index, id, 'in_progress');
      const shown = {
        ...item,
        ...(content === undefined ? {} : { content: [] }),
        ...(block.kind === 'reasoning' ? { summary: [] } : {}),
      };
      const added = say('response.output_item.added', { output_index: index, item: shown });
      if (block.kind === 'text')
        return added + say('response.content_part.added', { ...place, content_index: 0, part: part('') });
      if (block.kind !== 'reasoning') return added;
      const summary = { type: 'summary_text', text: '' };
      return (
        added + say('response.reasoning_summary_part.added', { ...place, summary_index: 0, part: summary })
      );
    },
    more(block, index, delta) {
      const place = at(block, index);
      if (block.kind === 'text')
        return say('response.output_text.delta', { ...place, content_index: 0, delta, logprobs: [] });
      if (block.kind === 'reasoning')
        return say('response.reasoning_summary_text.delta', { ...place, summary_index: 0, delta });
      return block.kind === 'call' ? say('response.function_call_arguments.delta', { ...place, delta }) : '';
    },
    end(block, index) {
      const place = at(block, index);
      const { kind, text } = block;
      const item = itemOf(block, index, id, 'completed');
      const done = () => say('response.output_item.done', { output_index: index, item });
      if (kind === 'text')
        return (
          say('response.output_text.done', { ...place, content_index: 0, text, logprobs: [] }) +
          say('response.content_part.done', { ...place, content_index: 0, part: part(text) }) +
          done()
        );
      if (kind === 'reasoning')
        return (
          say('response.reasoning_summary_text.done', { ...place, summary_index: 0, text }) +
          say('response.reasoning_summary_part.done', {
            ...place,
            summary_index: 0,
            part: { type: 'summary_text', text },
          }) +
          done()
        );
      if (kind !== 'call') return done();
      return (
        say('response.function_call_arguments.done', { ...place, name: block.name, arguments: text }) + done()
      );
    },
  });
  return {
    piece: (piece) => begin() + reader.add(piece),
    finish(ending) {
      const said = begin() + reader.end();
      const response = responseOf(echo, reader.blocks, ending, facts);
      return said + say(`response.${response.status}`, { response });
    },
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
