import type { LanguageModelV3Message } from '@ai-sdk/provider';
import { type Fields, fieldsOf, isFields, listOf, textOf } from '../upstreams/wire.ts';
import {
  type CallNames,
  type CallOptions,
  createCallNames,
  type FieldRule,
  fileOf,
  functionTool,
  given,
  inTurns,
  jsonFormat,
  mistaken,
  notTranslatable,
  numberOf,
  outputOf,
  type RequestReader,
  readSigned,
  stopsOf,
  thoughtOf,
  type Wishes,
  wordOf,
} from './call.ts';

const carried = (words: string): FieldRule => ({ kind: 'carried', words });
const named = (words: string): FieldRule => ({ kind: 'named', words });
const refused = (words: string): FieldRule => ({ kind: 'refused', words });

/** Requests of `POST /v1/messages`. */
export const messagesReader: RequestReader = {
  fields: {
    messages: carried('the prompt'),
    system: carried('system messages before all others; `cache_control` goes to providers that know it'),
    model: carried('who answers'),
    stream: carried('events, or one body'),
    max_tokens: carried('the bound of the answer'),
    temperature: carried('temperature'),
    top_p: carried('top p'),
    top_k: carried('top k'),
    stop_sequences: carried('stop sequences'),
    tools: carried("functions; Anthropic's own tools are refused"),
    tool_choice: carried('the choice among them, with `disable_parallel_tool_use`'),
    thinking: carried('how much is thought, in the words of the provider'),
    output_config: carried('`effort`; `format`: JSON, with its schema'),
    output_format: carried('JSON, with its schema'),
    metadata: carried('`user_id`, where the provider has a word for it'),
    cache_control: named('providers keep their caches in their own ways'),
    context_management: named('the whole conversation is sent'),
    service_tier: named("it is the upstream's own"),
    speed: named("it is the upstream's own"),
    diagnostics: named("it is the upstream's own"),
    fallbacks: named('the router has its own'),
    user_profile_id: named("it is the upstream's own"),
    container: refused("what runs code is the upstream's own"),
    mcp_servers: refused("what calls them is the upstream's own"),
    workspace_id: refused("it is the upstream's own"),
    inference_geo: refused('where it is answered cannot be promised'),
  },
  prompt(body, note) {
    const names = createCallNames();
    const turns = listOf(body.messages).flatMap(({ content, role }, i): LanguageModelV3Message[] => {
      const field = `messages.${i}.content`;
      const blocks = blocksOf(content, field);
      if (role === 'system') return blocks.map((block) => systemOf(block, field));
      if (role === 'assistant') return [{ role, content: assistantParts(blocks, field, names) }];
      if (role === 'user') return userTurns(blocks, field, names, note);
      throw mistaken(`messages.${i}.role`, 'user or assistant');
    });
    const system = blocksOf(body.system ?? [], 'system');
    return [...system.map((block) => systemOf(block, 'system')), ...inTurns(turns)];
  },
  options(body) {
    const { output_config, output_format, tool_choice: choice, tools } = body;
    const { effort, format = output_format } = fieldsOf(output_config);
    const isSerial = fieldsOf(choice).disable_parallel_tool_use;
    return {
      options: given({
        maxOutputTokens: numberOf(body, 'max_tokens'),
        temperature: numberOf(body, 'temperature'),
        topP: numberOf(body, 'top_p'),
        topK: numberOf(body, 'top_k'),
        stopSequences: stopsOf(body.stop_sequences, 'stop_sequences'),
        responseFormat: isFields(format) ? jsonFormat(format) : undefined,
        tools: Array.isArray(tools) ? tools.map(toolOf) : undefined,
        toolChoice: choiceOf(choice),
      }) as CallOptions,
      wishes: given({
        ...thinkingOf(body.thinking),
        ...(wordOf(effort) === undefined ? {} : { effort: wordOf(effort) }),
        user: wordOf(fieldsOf(body.metadata).user_id),
        parallelToolCalls: typeof isSerial === 'boolean' ? !isSerial : undefined,
      }),
    };
  },
};

function thinkingOf(thinking: unknown): Wishes {
  const { budget_tokens: tokens, display, type } = fieldsOf(thinking);
  if (type === 'disabled') return { effort: 'none' };
  const summary = type === undefined || display === 'omitted' ? {} : { summary: 'auto' };
  return typeof tokens === 'number' ? { ...summary, thinkingTokens: tokens } : summary;
}

function toolOf(tool: unknown) {
  const { cache_control: cache, input_schema, type, ...rest } = fieldsOf(tool);
  if (type !== undefined && type !== null && type !== 'custom')
    throw notTranslatable('tools', `${String(type).slice(0, 50)} is a tool of Anthropic's own`);
  return { ...functionTool(rest, input_schema), ...cachedBy(cache) };
}

function choiceOf(choice: unknown): CallOptions['toolChoice'] | undefined {
  if (choice === undefined || choice === null) return undefined;
  const { name, type } = fieldsOf(choice);
  if (type === 'auto' || type === 'none') return { type };
  if (type === 'any') return { type: 'required' };
  const toolName = wordOf(name);
  if (type === 'tool' && toolName !== undefined) return { type: 'tool', toolName };
  throw mistaken('tool_choice', 'of the type auto, any, none or tool');
}

function blocksOf(content: unknown, field: string): readonly Fields[] {
  if (typeof content === 'string') return content === '' ? [] : [{ type: 'text', text: content }];
  if (!Array.isArray(content)) throw mistaken(field, 'a text or a list of blocks');
  return listOf(content);
}

function systemOf({ cache_control: cache, text, type }: Fields, field: string): LanguageModelV3Message {
  if (type !== 'text') throw mistaken(field, 'a text or a list of texts');
  return { role: 'system', content: textOf(text), ...cachedBy(cache) };
}

/** Up to where the prompt is to be kept, for those providers that are told. */
function cachedBy(cache: unknown) {
  if (!isFields(cache)) return {};
  const ttl = typeof cache.ttl === 'string' ? { ttl: cache.ttl } : {};
  return {
    providerOptions: {
      anthropic: { cacheControl: { type: 'ephemeral', ...ttl } },
      bedrock: { cachePoint: { type: 'default', ...ttl } },
    },
  };
}

/** Results of tools are a turn of their own, before what the user says beside them. */
function userTurns(
  blocks: readonly Fields[],
  field: string,
  names: CallNames,
  note: (field: string) => void,
): LanguageModelV3Message[] {
  const results = blocks.filter(({ type }) => type === 'tool_result');
  const said = blocks.filter(({ type }) => type !== 'tool_result');
  return [
    {
      role: 'tool',
      content: results.map((block) => {
        const parts = blocksOf(block.content ?? [], field).map((inner) => partOf(inner, field));
        const isError = block.is_error === true;
        if (isError && parts.some(({ type }) => type === 'file')) note('tool_result.is_error');
        return {
          type: 'tool-result',
          ...names.of(block.tool_use_id, `${field}.tool_use_id`),
          output: outputOf(parts, isError),
          ...cachedBy(block.cache_control),
        };
      }),
    },
    { role: 'user', content: said.map((block) => partOf(block, field)) },
  ];
}

function partOf(block: Fields, field: string) {
  const { cache_control: cache, source, text, title, type } = block;
  const { content, data, file_id: id, media_type, type: kind, url } = fieldsOf(source);
  if (id !== undefined) throw notTranslatable(`${field}.source`, 'the file lies at another upstream');
  if (type === 'text') return { type: 'text' as const, text: textOf(text), ...cachedBy(cache) };
  if (type === 'image')
    return {
      ...fileOf(kind === 'url' ? url : data, `${field}.source`, wordOf(media_type) ?? 'image/*'),
      ...cachedBy(cache),
    };
  if (type !== 'document')
    throw notTranslatable(
      `${field}.type`,
      `nobody else knows blocks of the type ${String(type).slice(0, 50)}`,
    );
  if (fieldsOf(block.citations).enabled === true)
    throw notTranslatable(`${field}.citations`, "they are the upstream's own");
  if (kind === 'text' || kind === 'content') {
    const words =
      kind === 'text' ? [textOf(data)] : blocksOf(content, field).map((inner) => textOf(inner.text));
    const whole = [title, block.context, ...words].filter((each) => textOf(each) !== '').join('\n\n');
    return { type: 'text' as const, text: whole, ...cachedBy(cache) };
  }
  return {
    ...fileOf(kind === 'url' ? url : data, `${field}.source`, wordOf(media_type) ?? 'application/pdf', title),
    ...cachedBy(cache),
  };
}

type AssistantContent = Extract<LanguageModelV3Message, { role: 'assistant' }>['content'];

function assistantParts(blocks: readonly Fields[], field: string, names: CallNames): AssistantContent {
  const signed = readSigned(blocks.map(({ data }) => data));
  return blocks.flatMap((block): AssistantContent => {
    const { cache_control: cache, id, input, name, type } = block;
    switch (type) {
      case 'text':
        return textOf(block.text) === ''
          ? []
          : [{ type: 'text', text: textOf(block.text), ...cachedBy(cache) }];
      case 'thinking':
        return [thoughtOf(block.thinking, block.signature) ?? []].flat();
      case 'redacted_thinking':
        return [thoughtOf('', block.data) ?? []].flat();
      case 'tool_use': {
        const [toolCallId, toolName] = [wordOf(id), wordOf(name)];
        if (toolCallId === undefined || toolName === undefined)
          throw mistaken(field, 'blocks, of which a tool_use has its `id` and its `name`');
        names.set(toolCallId, toolName);
        const metadata = signed.get(toolCallId);
        return [
          {
            type: 'tool-call',
            toolCallId,
            toolName,
            input: input ?? {},
            ...(metadata === undefined ? cachedBy(cache) : { providerOptions: metadata as never }),
          },
        ];
      }
      default:
        throw notTranslatable(
          `${field}.type`,
          `nobody else knows blocks of the type ${String(type).slice(0, 50)}`,
        );
    }
  });
}
