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
  inputOf,
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
  wordOf,
} from './call.ts';

const carried = (words: string): FieldRule => ({ kind: 'carried', words });
const named = (words: string): FieldRule => ({ kind: 'named', words });
const isEmpty = (value: unknown) => isFields(value) && Object.keys(value).length === 0;

/** Requests of `POST /v1/chat/completions`. */
export const chatReader: RequestReader = {
  fields: {
    messages: carried('the prompt'),
    model: carried('who answers'),
    stream: carried('events, or one body'),
    stream_options: carried('`include_usage`: the usage in a last event'),
    metadata: named('it stands beside what OpenAI stores'),
    max_tokens: carried('the bound of the answer'),
    max_completion_tokens: carried('the bound of the answer'),
    temperature: carried('temperature'),
    top_p: carried('top p'),
    top_k: carried('top k'),
    stop: carried('stop sequences'),
    seed: carried('seed'),
    presence_penalty: carried('presence penalty'),
    frequency_penalty: carried('frequency penalty'),
    response_format: carried('JSON, with its schema'),
    tools: carried('functions; a `custom` tool is refused'),
    tool_choice: carried('the choice among them; `allowed_tools` is refused'),
    parallel_tool_calls: carried('where the provider has a word for it'),
    reasoning_effort: carried('how much is thought, in the words of the provider'),
    verbosity: carried('where the provider has a word for it'),
    user: carried('where the provider has a word for it'),
    n: carried('the model is asked so many times at once, 16 at most; they come whole, also in a stream'),
    logprobs: {
      kind: 'refused',
      words: 'most providers tell of none',
      unless: (value) => value === false,
    },
    top_logprobs: { kind: 'refused', words: 'most providers tell of none', unless: (count) => count === 0 },
    logit_bias: { kind: 'refused', words: 'models have tokens of their own', unless: isEmpty },
    modalities: {
      kind: 'refused',
      words: 'answers are text',
      unless: (kinds) => Array.isArray(kinds) && kinds.every((kind) => kind === 'text'),
    },
    audio: { kind: 'refused', words: 'answers are text' },
    web_search_options: { kind: 'refused', words: "a search is the upstream's own" },
    functions: { kind: 'refused', words: '`tools` has taken its place' },
    function_call: { kind: 'refused', words: '`tool_choice` has taken its place' },
    moderation: { kind: 'refused', words: "it is the upstream's own" },
    prediction: named('it makes an answer faster, and no other'),
    prompt_cache_key: named('providers keep their caches in their own ways'),
    prompt_cache_options: named('providers keep their caches in their own ways'),
    prompt_cache_retention: named('providers keep their caches in their own ways'),
    safety_identifier: named("it is the upstream's own"),
    service_tier: named("it is the upstream's own"),
    store: { ...named('nothing is kept to be fetched'), unless: (value) => value === false },
  },
  prompt(body, note) {
    const names = createCallNames();
    return inTurns(
      listOf(body.messages).map((message, i) => messageOf(message, `messages.${i}`, names, note)),
    );
  },
  options(body) {
    answersOf(body);
    return {
      options: given({
        maxOutputTokens: numberOf(body, 'max_completion_tokens', 'max_tokens'),
        temperature: numberOf(body, 'temperature'),
        topP: numberOf(body, 'top_p'),
        topK: numberOf(body, 'top_k'),
        seed: numberOf(body, 'seed'),
        presencePenalty: numberOf(body, 'presence_penalty'),
        frequencyPenalty: numberOf(body, 'frequency_penalty'),
        stopSequences: stopsOf(body.stop, 'stop'),
        responseFormat: formatOf(body.response_format),
        tools: Array.isArray(body.tools) ? body.tools.map(toolOf) : undefined,
        toolChoice: choiceOf(body.tool_choice),
      }) as CallOptions,
      wishes: given({
        effort: wordOf(body.reasoning_effort),
        verbosity: wordOf(body.verbosity),
        user: wordOf(body.user),
        parallelToolCalls:
          typeof body.parallel_tool_calls === 'boolean' ? body.parallel_tool_calls : undefined,
      }),
    };
  },
};

/** Answers that are asked for at once. */
const MOST_ANSWERS = 16;

/** @throws Problem for what is no number of answers, and for more than one may ask for. */
export function answersOf({ n }: Fields): number {
  if (n === undefined || n === null) return 1;
  if (typeof n !== 'number' || !Number.isInteger(n) || n < 1) throw mistaken('n', 'a whole number from 1 on');
  if (n > MOST_ANSWERS)
    throw notTranslatable('n', `${MOST_ANSWERS} answers are asked for at once, and no more`);
  return n;
}

function formatOf(format: unknown): CallOptions['responseFormat'] | undefined {
  if (format === undefined || format === null) return undefined;
  const { json_schema, type } = fieldsOf(format);
  if (type === 'text') return undefined;
  if (type === 'json_object') return { type: 'json' };
  if (type === 'json_schema') return jsonFormat(fieldsOf(json_schema));
  throw notTranslatable('response_format', `nobody else knows the type ${String(type).slice(0, 50)}`);
}

function toolOf(tool: unknown) {
  const { function: asked, type } = fieldsOf(tool);
  if (type !== 'function')
    throw notTranslatable('tools', `tools of the type ${String(type).slice(0, 50)} are the upstream's own`);
  return functionTool(fieldsOf(asked), fieldsOf(asked).parameters);
}

function choiceOf(choice: unknown): CallOptions['toolChoice'] | undefined {
  if (choice === undefined || choice === null) return undefined;
  if (choice === 'auto' || choice === 'none' || choice === 'required') return { type: choice };
  const { function: asked, type } = fieldsOf(choice);
  const toolName = wordOf(fieldsOf(asked).name);
  if (type === 'function' && toolName !== undefined) return { type: 'tool', toolName };
  throw notTranslatable('tool_choice', 'it is none of "auto", "none", "required" and a function');
}

function messageOf(
  message: Fields,
  field: string,
  names: CallNames,
  note: (field: string) => void,
): LanguageModelV3Message {
  const { content, role } = message;
  if (wordOf(message.name) !== undefined) note('messages.name');
  switch (role) {
    case 'system':
    case 'developer':
      return { role: 'system', content: wordsOf(content, `${field}.content`) };
    case 'user':
      return { role: 'user', content: userParts(content, `${field}.content`) };
    case 'assistant':
      return { role: 'assistant', content: assistantParts(message, field, names) };
    case 'tool': {
      const parts = userParts(content, `${field}.content`);
      return {
        role: 'tool',
        content: [
          {
            type: 'tool-result',
            ...names.of(message.tool_call_id, `${field}.tool_call_id`),
            output: outputOf(parts),
          },
        ],
      };
    }
    default:
      throw notTranslatable(`${field}.role`, 'it is none of system, developer, user, assistant and tool');
  }
}

function wordsOf(content: unknown, field: string): string {
  if (typeof content === 'string') return content;
  const parts = listOf(content);
  if (!Array.isArray(content) || parts.some(({ type }) => type !== 'text'))
    throw mistaken(field, 'a text or a list of texts');
  return parts.map(({ text }) => textOf(text)).join('\n');
}

function userParts(content: unknown, field: string) {
  if (typeof content === 'string') return content === '' ? [] : [{ type: 'text' as const, text: content }];
  if (!Array.isArray(content)) throw mistaken(field, 'a text or a list of parts');
  return listOf(content).map((part, i) => userPart(part, `${field}.${i}`));
}

const AUDIO: Readonly<Record<string, string>> = { wav: 'audio/wav', mp3: 'audio/mpeg' };

function userPart(part: Fields, field: string) {
  switch (part.type) {
    case 'text':
      return { type: 'text' as const, text: textOf(part.text) };
    case 'image_url': {
      const { detail, url } = fieldsOf(part.image_url);
      const file = fileOf(url, `${field}.image_url.url`, 'image/*');
      return typeof detail === 'string'
        ? { ...file, providerOptions: { openai: { imageDetail: detail } } }
        : file;
    }
    case 'input_audio': {
      const { data, format } = fieldsOf(part.input_audio);
      const mediaType = AUDIO[String(format)];
      if (mediaType === undefined) throw mistaken(`${field}.input_audio.format`, 'wav or mp3');
      return fileOf(data, `${field}.input_audio.data`, mediaType);
    }
    case 'file': {
      const { file_data: data, file_id: id, filename } = fieldsOf(part.file);
      if (data === undefined && id !== undefined)
        throw notTranslatable(`${field}.file.file_id`, 'the file lies at another upstream');
      return fileOf(data, `${field}.file.file_data`, 'application/pdf', filename);
    }
    default:
      throw notTranslatable(
        `${field}.type`,
        `nobody else knows parts of the type ${String(part.type).slice(0, 50)}`,
      );
  }
}

type AssistantContent = Extract<LanguageModelV3Message, { role: 'assistant' }>['content'];

function assistantParts(message: Fields, field: string, names: CallNames): AssistantContent {
  const { content, reasoning_content: thoughts, refusal } = message;
  if (message.function_call !== undefined && message.function_call !== null)
    throw notTranslatable(`${field}.function_call`, '`tool_calls` has taken its place');
  const details = listOf(message.reasoning_details).map(({ data }) => data);
  const signed = readSigned(details);
  const said = Array.isArray(content)
    ? listOf(content).map(({ refusal: refused, text, type }) => textOf(type === 'refusal' ? refused : text))
    : [textOf(content), textOf(refusal)];
  // The words of all thoughts are one text here; the first takes them.
  const own = details.flatMap((data, i) => thoughtOf(i === 0 ? thoughts : '', data) ?? []);
  const plain = textOf(thoughts) === '' ? [] : [{ type: 'reasoning' as const, text: textOf(thoughts) }];
  return [
    ...(own.length > 0 ? own : plain),
    ...said.filter((text) => text !== '').map((text) => ({ type: 'text' as const, text })),
    ...listOf(message.tool_calls).map((call, i) => {
      const at = `${field}.tool_calls.${i}`;
      const { arguments: written, name } = fieldsOf(call.function);
      const [toolCallId, toolName] = [wordOf(call.id), wordOf(name)];
      if (toolCallId === undefined || toolName === undefined)
        throw call.type === 'custom'
          ? notTranslatable(`${at}.type`, "custom tools are the upstream's own")
          : mistaken(at, 'a call with its `id` and the name of its function');
      names.set(toolCallId, toolName);
      const metadata = signed.get(toolCallId);
      return {
        type: 'tool-call' as const,
        toolCallId,
        toolName,
        input: inputOf(written, `${at}.function.arguments`),
        ...(metadata === undefined ? {} : { providerOptions: metadata as never }),
      };
    }),
  ];
}
