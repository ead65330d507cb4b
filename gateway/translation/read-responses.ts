import type { LanguageModelV3Message } from '@ai-sdk/provider';
import { type Fields, fieldsOf, listOf, textOf } from '../upstreams/wire.ts';
import {
  type CallNames,
  type CallOptions,
  createCallNames,
  type FieldRule,
  fileOf,
  functionTool,
  given,
  inputOf,
  inTurns,
  jsonFormat,
  mistaken,
  notTranslatable,
  numberOf,
  outputOf,
  type RequestReader,
  readSigned,
  thoughtOf,
  wordOf,
} from './call.ts';

const carried = (words: string): FieldRule => ({ kind: 'carried', words });
const named = (words: string): FieldRule => ({ kind: 'named', words });
const refused = (words: string): FieldRule => ({ kind: 'refused', words });

/** Requests of `POST /v1/responses`. */
export const responsesReader: RequestReader = {
  fields: {
    input: carried('the prompt'),
    instructions: carried('a system message before all others'),
    model: carried('who answers'),
    stream: carried('events, or one body'),
    max_output_tokens: carried('the bound of the answer'),
    temperature: carried('temperature'),
    top_p: carried('top p'),
    text: carried('`format`: JSON, with its schema; `verbosity` where the provider has a word for it'),
    tools: carried("functions; OpenAI's own tools are refused"),
    tool_choice: carried('the choice among them'),
    parallel_tool_calls: carried('where the provider has a word for it'),
    reasoning: carried('`effort`: how much is thought, in the words of the provider; `summary`'),
    user: carried('where the provider has a word for it'),
    metadata: named('it stands beside what OpenAI stores'),
    previous_response_id: refused('the upstream that gave it has the conversation'),
    conversation: refused('the upstream that keeps it has the conversation'),
    prompt: refused('it lies at the upstream'),
    background: { ...refused('answers are waited for'), unless: (value) => value === false },
    top_logprobs: { ...refused('most providers tell of none'), unless: (count) => count === 0 },
    include: {
      ...refused('of what may be included, thoughts alone are carried'),
      unless: (list) => Array.isArray(list) && list.every((each) => each === 'reasoning.encrypted_content'),
    },
    moderation: refused("it is the upstream's own"),
    max_tool_calls: named("it bounds OpenAI's own tools"),
    context_management: named('the whole conversation is sent'),
    truncation: { ...named('the whole conversation is sent'), unless: (value) => value === 'disabled' },
    prompt_cache_key: named('providers keep their caches in their own ways'),
    prompt_cache_options: named('providers keep their caches in their own ways'),
    prompt_cache_retention: named('providers keep their caches in their own ways'),
    safety_identifier: named("it is the upstream's own"),
    service_tier: named("it is the upstream's own"),
    store: { ...named('nothing is kept to be fetched'), unless: (value) => value === false },
    stream_options: named('events are not padded'),
  },
  prompt(body) {
    const { input, instructions } = body;
    const names = createCallNames();
    const items = typeof input === 'string' ? [{ role: 'user', content: input }] : listOf(input);
    const signed = readSigned(items.map((item) => (item as Fields).encrypted_content));
    const turns = items.flatMap((item, i) => itemOf(item, `input.${i}`, names, signed));
    const before = textOf(instructions);
    return inTurns(before === '' ? turns : [{ role: 'system', content: before }, ...turns]);
  },
  options(body) {
    const { format, verbosity } = fieldsOf(body.text);
    const { effort, summary } = fieldsOf(body.reasoning);
    const { type: form } = fieldsOf(format);
    return {
      options: given({
        maxOutputTokens: numberOf(body, 'max_output_tokens'),
        temperature: numberOf(body, 'temperature'),
        topP: numberOf(body, 'top_p'),
        responseFormat:
          form === 'json_schema'
            ? jsonFormat(fieldsOf(format))
            : form === 'json_object'
              ? { type: 'json' as const }
              : undefined,
        tools: Array.isArray(body.tools) ? body.tools.map(toolOf) : undefined,
        toolChoice: choiceOf(body.tool_choice),
      }) as CallOptions,
      wishes: given({
        effort: wordOf(effort),
        summary: wordOf(summary),
        verbosity: wordOf(verbosity),
        user: wordOf(body.user),
        parallelToolCalls:
          typeof body.parallel_tool_calls === 'boolean' ? body.parallel_tool_calls : undefined,
      }),
    };
  },
};

function toolOf(tool: unknown) {
  const { type, ...rest } = fieldsOf(tool);
  if (type !== 'function')
    throw notTranslatable('tools', `tools of the type ${String(type).slice(0, 50)} are the upstream's own`);
  return functionTool(rest, rest.parameters);
}

function choiceOf(choice: unknown): CallOptions['toolChoice'] | undefined {
  if (choice === undefined || choice === null) return undefined;
  if (choice === 'auto' || choice === 'none' || choice === 'required') return { type: choice };
  const { name, type } = fieldsOf(choice);
  const toolName = wordOf(name);
  if (type === 'function' && toolName !== undefined) return { type: 'tool', toolName };
  throw notTranslatable('tool_choice', 'it is none of "auto", "none", "required" and a function');
}

function itemOf(
  item: Fields,
  field: string,
  names: CallNames,
  signed: ReturnType<typeof readSigned>,
): LanguageModelV3Message[] {
  const { call_id: id, name, output, type = 'message' } = item;
  switch (type) {
    case 'message':
      return [messageOf(item, field)];
    case 'reasoning': {
      const words = [...listOf(item.summary), ...listOf(item.content)].map(({ text }) => textOf(text));
      const thought = thoughtOf(words.join(''), item.encrypted_content);
      return thought === undefined ? [] : [{ role: 'assistant', content: [thought] }];
    }
    case 'function_call': {
      const [toolCallId, toolName] = [wordOf(id), wordOf(name)];
      if (toolCallId === undefined || toolName === undefined)
        throw mistaken(field, 'a call with its `call_id` and its `name`');
      names.set(toolCallId, toolName);
      const metadata = signed.get(toolCallId);
      const call = {
        type: 'tool-call' as const,
        toolCallId,
        toolName,
        input: inputOf(item.arguments, `${field}.arguments`),
        ...(metadata === undefined ? {} : { providerOptions: metadata as never }),
      };
      return [{ role: 'assistant', content: [call] }];
    }
    case 'function_call_output': {
      const result = {
        type: 'tool-result' as const,
        ...names.of(id, `${field}.call_id`),
        output: outputOf(partsOf(output, `${field}.output`)),
      };
      return [{ role: 'tool', content: [result] }];
    }
    default:
      throw notTranslatable(
        `${field}.type`,
        `nobody else knows items of the type ${String(type).slice(0, 50)}`,
      );
  }
}

function messageOf({ content, role }: Fields, field: string): LanguageModelV3Message {
  const parts = partsOf(content, `${field}.content`);
  switch (role) {
    case 'system':
    case 'developer':
      if (parts.some(({ type }) => type !== 'text'))
        throw mistaken(field, 'of texts, as a system message is');
      return { role: 'system', content: parts.map((part) => ('text' in part ? part.text : '')).join('\n') };
    case 'assistant':
    case 'user':
      return { role, content: parts };
    default:
      throw mistaken(`${field}.role`, 'system, developer, user or assistant');
  }
}

function partsOf(content: unknown, field: string) {
  if (typeof content === 'string') return content === '' ? [] : [{ type: 'text' as const, text: content }];
  if (!Array.isArray(content)) throw mistaken(field, 'a text or a list of parts');
  return listOf(content).map((part, i) => partOf(part, `${field}.${i}`));
}

function partOf(part: Fields, field: string) {
  const { detail, file_data: data, file_id: id, file_url: url, filename, image_url, type } = part;
  if (typeof id === 'string') throw notTranslatable(`${field}.file_id`, 'the file lies at another upstream');
  switch (type) {
    case 'input_text':
    case 'output_text':
      return { type: 'text' as const, text: textOf(part.text) };
    case 'refusal':
      return { type: 'text' as const, text: textOf(part.refusal) };
    case 'input_image': {
      const file = fileOf(image_url, `${field}.image_url`, 'image/*');
      return typeof detail === 'string'
        ? { ...file, providerOptions: { openai: { imageDetail: detail } } }
        : file;
    }
    case 'input_file':
      return fileOf(data ?? url, `${field}.file_data`, 'application/pdf', filename);
    default:
      throw notTranslatable(
        `${field}.type`,
        `nobody else knows parts of the type ${String(type).slice(0, 50)}`,
      );
  }
}
