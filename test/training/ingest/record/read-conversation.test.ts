import { expect, test } from 'vitest';
import { promptProblem } from '../../../../training/ingest/record/format.ts';
import { readConversation, readRequest } from '../../../../training/ingest/record/messages.ts';

const user = (content: unknown) => ({ role: 'user', content });
const lc = (name: string, content: unknown) => ({
  lc: 1,
  type: 'constructor',
  id: ['langchain', 'schema', 'messages', name],
  kwargs: { content },
});

/** Shapes in which logs hold one question of a user, "How many moons?", and nothing else. */
const ONE_QUESTION: Readonly<Record<string, unknown>> = {
  'a text': 'How many moons?',
  'JSON text of a text': '"How many moons?"',
  'a list of messages': [user('How many moons?')],
  'JSON text of messages': JSON.stringify([user('How many moons?')]),
  'a list within a list': [[user('How many moons?')]],
  'a single message': user('How many moons?'),
  'messages in an object': { messages: [user('How many moons?')], model: 'm' },
  'JSON text within JSON text': JSON.stringify({ messages: JSON.stringify([user('How many moons?')]) }),
  'each message as JSON text': [JSON.stringify(user('How many moons?'))],
  "LangChain's types": [{ type: 'human', content: 'How many moons?' }],
  "LangChain's classes": [{ type: 'HumanMessageChunk', content: 'How many moons?' }],
  "LangChain's serialized messages": [[lc('HumanMessage', 'How many moons?')]],
  "LangChain's stored messages": [{ type: 'human', data: { content: 'How many moons?' } }],
  "LangChain's value of a prompt": {
    lc: 1,
    type: 'constructor',
    id: ['langchain', 'prompts', 'ChatPromptValue'],
    kwargs: { messages: [lc('HumanMessage', 'How many moons?')] },
  },
  "LlamaIndex's blocks": [
    { role: 'MessageRole.USER', blocks: [{ block_type: 'text', text: 'How many moons?' }] },
  ],
  "Semantic Kernel's items": [
    { role: { label: 'user' }, items: [{ $type: 'TextContent', text: 'How many moons?' }] },
  ],
  "Haystack's older messages": [{ _role: 'user', _content: [{ text: 'How many moons?' }] }],
  "ShareGPT's conversations": { conversations: [{ from: 'human', value: 'How many moons?' }] },
  'JSON text of JSON text': JSON.stringify(JSON.stringify([user('How many moons?')])),
  "a method's arguments": { args: ['<__main__.Bot object at 0x7f2e>', 'How many moons?'], kwargs: {} },
  "LangChain's pairs": [['human', 'How many moons?']],
  'chain inputs': { input: 'How many moons?', chat_history: [] },
  'a question of a chain': { question: 'How many moons?', context: 'None' },
  'the one variable of a template': { topic: 'How many moons?' },
  'positional arguments': { args: [[user('How many moons?')]], kwargs: {} },
  'positional arguments after a model': { args: ['gpt-4o', [user('How many moons?')]], kwargs: {} },
  'a text among arguments': { args: ['How many moons?'], kwargs: {} },
  'named arguments': { args: [], kwargs: { model: 'm', messages: [user('How many moons?')] } },
  'a named text among arguments': { args: [{ self: 1 }], kwargs: { question: 'How many moons?' } },
  "Gemini's contents": { contents: [{ role: 'user', parts: [{ text: 'How many moons?' }] }] },
  "Gemini's contents without a role": { contents: [{ parts: [{ text: 'How many moons?' }] }] },
  "Gemini's bare parts": { contents: [{ text: 'How many moons?' }] },
  "Gemini's bare text": { contents: 'How many moons?', config: { temperature: 0 } },
  "Bedrock's messages": { messages: [user([{ text: 'How many moons?' }])] },
  "Cohere's message": { message: 'How many moons?', chat_history: [] },
  "OpenAI's input items": [user([{ type: 'input_text', text: 'How many moons?' }])],
  'a part without a message': [{ type: 'input_text', text: 'How many moons?' }],
  'text of an assistant': [user([{ type: 'text', text: { value: 'How many moons?', annotations: [] } }])],
  'parts of OpenTelemetry': [{ role: 'user', parts: [{ type: 'text', content: 'How many moons?' }] }],
  'messages of OpenInference': [{ message: { role: 'user', content: 'How many moons?' } }],
  'dotted messages of OpenInference': [{ 'message.role': 'user', 'message.content': 'How many moons?' }],
  'contents of OpenInference': [
    { message: { role: 'user', contents: [{ message_content: { type: 'text', text: 'How many moons?' } }] } },
  ],
  'an event of Semantic Kernel': [
    { role: 'user', 'gen_ai.event.content': JSON.stringify(user('How many moons?')) },
  ],
  "ShareGPT's turns": [{ from: 'human', value: 'How many moons?' }],
  'roles in capitals': [{ role: 'USER', content: 'How many moons?' }],
  'a role that Python names': [{ role: 'human', content: 'How many moons?' }],
  'a record with words alone': [{ text: 'How many moons?' }],
  'content that is an object': [user({ type: 'text', text: 'How many moons?' })],
  'what Python prints': "[{'role': 'user', 'content': 'How many moons?', 'name': None}]",
};

test.each(Object.entries(ONE_QUESTION))('finds the words in %s', (_, value) => {
  expect(readConversation(value)).toEqual({ text: 'How many moons?' });
});

test("keeps who said what, whatever the log calls them; calls of tools have no words, their results are the tool's", () => {
  const answered = [
    { type: 'system', content: 'Be brief' },
    { type: 'human', content: 'Weather in Paris?' },
    { type: 'ai', content: '', tool_calls: [{ name: 'weather', args: {} }] },
    { type: 'tool', content: { sky: 'clear' } },
    { role: 'model', parts: [{ text: 'Sunny' }] },
    { type: 'reasoning', summary: [] },
    { type: 'function_call', name: 'f', arguments: '{}' },
    { type: 'function_call_output', output: 'done' },
    { role: 'function', name: 'f', content: 'done' },
    { role: 'CHATBOT', message: 'And you?' },
    { from: 'gpt', value: 'Well?' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'And' },
        { type: 'image_url', image_url: {} },
      ],
    },
  ];
  expect(readConversation(answered).messages).toEqual([
    { role: 'system', content: 'Be brief' },
    { role: 'user', content: 'Weather in Paris?' },
    { role: 'assistant', content: '' },
    { role: 'tool', content: '{"sky":"clear"}' },
    { role: 'assistant', content: 'Sunny' },
    { role: 'assistant', content: null },
    { role: 'assistant', content: null },
    { role: 'tool', content: 'done' },
    { role: 'tool', content: 'done' },
    { role: 'assistant', content: 'And you?' },
    { role: 'assistant', content: 'Well?' },
    { role: 'user', content: [{ type: 'text', text: 'And' }, { type: 'image_url' }] },
  ]);
});

test.each([
  [{ system: 'S', messages: [user('Q')] }],
  [{ instructions: 'S', input: 'Q' }],
  [{ systemInstruction: { parts: [{ text: 'S' }] }, contents: [{ role: 'user', parts: [{ text: 'Q' }] }] }],
  [{ config: { system_instruction: 'S' }, contents: 'Q' }],
  [{ system: [{ text: 'S' }], messages: [user([{ text: 'Q' }])] }],
  [{ preamble: 'S', message: 'Q' }],
])('takes the instructions beside a prompt: %j', (value) => {
  const messages = [{ role: 'system', content: 'S' }, user('Q')];
  expect(readConversation(value)).toEqual({ messages });
  expect(readRequest(value)).toEqual({ messages });
});

test('of pictures, sounds and files the kind is kept', () => {
  const parts = [
    { inlineData: { mimeType: 'image/png', data: '' } },
    { inline_data: { mime_type: 'audio/wav' } },
    { fileData: { mimeType: 'application/pdf' } },
    { image: { format: 'png' } },
    { document: { name: 'd' } },
    { type: 'input_image' },
    7,
  ];
  expect(readConversation([{ role: 'user', parts: [{ text: 'What?' }, ...parts] }]).messages).toEqual([
    {
      role: 'user',
      content: [
        { type: 'text', text: 'What?' },
        ...['image', 'audio', 'file', 'image', 'document', 'input_image', 'unknown'].map((type) => ({
          type,
        })),
      ],
    },
  ]);
});

const NO_PROMPT: Readonly<Record<string, unknown>> = {
  nothing: null,
  'an empty text': '  ',
  'a number': 7,
  'an empty list': [],
  'numbers of tokens': [[1, 2, 3]],
  'an object of other things': { city: 'Oslo', unit: 'C' },
  'JSON text of other things': '{"city":"Oslo","unit":"C"}',
  'a request whose body was left out': { model: 'gpt-4o' },
  'a message of the gateway': { helicone_message: 'fetching body from signed_url' },
  'messages that were cut off': '[{"role":"user","content":"How many mo',
  'a request that was cut off': '{"model":"m","messages":[{"role":"user","content":"How many mo',
  'arguments without words': { args: [{ temperature: 1 }], kwargs: {} },
};

test.each(Object.entries(NO_PROMPT))('finds no prompt in %s', (_, value) => {
  expect(readConversation(value)).toEqual({});
});

test('a user may write JSON, brackets, or a question about JSON', () => {
  for (const words of ['{"a":1}', '[INST] Hi [/INST]', '{"a":1} what is wrong here?'])
    expect(readConversation([user(words)])).toEqual({ text: words });
  for (const words of ['[INST] Hi [/INST]', '{"a":1} what is wrong here?', '{name} wrote this'])
    expect(readConversation(words)).toEqual({ text: words });
});

const REDACTED = [
  'redacted-by-litellm',
  'REDACTED_BY_LITELM',
  '[REDACTED]',
  '<REDACTED>',
  '***REDACTED***',
  '__REDACTED__',
  '[Filtered]',
  "[Scrubbed due to 'password']",
  '<fully masked due to failed mask function>',
  '<truncated due to size exceeding limit>',
  '[MASKED]',
  '[CONTENT REDACTED]',
  '[REDACTED: PII]',
  '****',
  ' redacted\n',
  '[redacted].',
  '--redacted--',
  '<omitted/>',
  '<elided>',
  '[message content has been redacted]',
  'Content has been redacted',
  'Redacted for privacy',
  "redacted by litellm. \n 'litellm.turn_off_message_logging=True'",
  '[no content]',
  '[withheld]',
  'XXXXXXXX',
  'sha256:9f86d081884c7d659a2feaa0c55ad015',
  '[REDACTED] [REDACTED]',
];

test.each(REDACTED)('%s is no prompt', (content) => {
  const reason = expect.stringContaining('redacted');
  expect(promptProblem({ text: content })).toEqual(reason);
  expect(promptProblem({ messages: [{ role: 'system', content: 'Be brief' }, user(content)] })).toEqual(
    reason,
  );
  expect(promptProblem({ messages: [user(content), user(content)] })).toEqual(reason);
});

test('words around a placeholder, and words about redaction, are prompts', () => {
  const prompts = [
    'My name is [REDACTED], say hello',
    'redacted means what?',
    '[hello]',
    'masked',
    '2 ** 3 * 4',
    '*',
  ];
  for (const text of prompts) expect(promptProblem({ text }), text).toBeNull();
  expect(promptProblem({ messages: [user('[REDACTED]'), user('and Mars?')] })).toBeNull();
});

test('a prompt without words of the user is none; a hash alone will do', () => {
  const reason = 'no words of the user were found in the prompt';
  const image = [{ role: 'user', content: [{ type: 'image_url' }] }];
  for (const row of [
    {},
    { text: '' },
    { text: ' \u00a0\n' },
    { messages: [] },
    { messages: [{ role: 'system', content: 'Be brief' }] },
    { messages: [{ role: 'user', content: null }] },
    { messages: image },
  ])
    expect(promptProblem(row)).toBe(reason);
  expect(promptProblem({ promptHash: 'ab'.repeat(32) })).toBeNull();
});

test('an envelope without a message in it holds no prompt', () => {
  for (const value of [{ message: {} }, { message: {}, role: null }, [{ message: { name: 'x' } }]])
    expect(readConversation(value)).toEqual({});
  expect(readConversation({ message: {}, prompt: 'How many moons?' })).toEqual({ text: 'How many moons?' });
});

test('a long run of what placeholders begin with takes no longer than its length', () => {
  // A pattern that tries all ways to part it would not end.
  for (const sign of ['*', '_', '[', '<*', '-', '-a-', '#', 'content redacted '])
    expect(promptProblem({ text: `${sign.repeat(2000 / sign.length)}x` })).toBeNull();
});

const TURNS = [
  { role: 'system', content: 'Be brief' },
  user('Hi'),
  { role: 'assistant', content: 'Hello' },
  user('How many moons?'),
];

test.each([
  [
    "LangChain's serialized messages",
    [
      lc('SystemMessage', 'Be brief'),
      lc('HumanMessage', 'Hi'),
      lc('AIMessage', 'Hello'),
      lc('HumanMessage', 'How many moons?'),
    ],
  ],
  [
    "Pydantic AI's requests and responses",
    [
      {
        kind: 'request',
        parts: [
          { part_kind: 'system-prompt', content: 'Be brief' },
          { part_kind: 'user-prompt', content: 'Hi' },
        ],
      },
      { kind: 'response', parts: [{ part_kind: 'text', content: 'Hello' }] },
      { kind: 'request', parts: [{ part_kind: 'user-prompt', content: 'How many moons?' }] },
    ],
  ],
  [
    "Spring AI's messages",
    [
      { messageType: 'SYSTEM', text: 'Be brief' },
      { messageType: 'USER', text: 'Hi' },
      { messageType: 'ASSISTANT', text: 'Hello' },
      { messageType: 'USER', text: 'How many moons?' },
    ],
  ],
  [
    "events of Google's ADK",
    [
      { author: 'app', content: { role: 'system', parts: [{ text: 'Be brief' }] } },
      { author: 'user', content: { role: 'user', parts: [{ text: 'Hi' }] } },
      { author: 'moons', content: { role: 'model', parts: [{ text: 'Hello' }] } },
      { author: 'user', content: { role: 'user', parts: [{ text: 'How many moons?' }] } },
    ],
  ],
])('%s keep who said what', (_, messages) => {
  expect(readConversation(messages)).toEqual({ messages: TURNS });
});

test.each([
  ['an empty message', { message: {} }],
  ['JSON that was cut off', '{"question":"How many mo'],
  ['what Python prints, cut off', "[{'role': 'user', 'content': 'How many mo"],
  ['messages as Python prints them', "[HumanMessage(content='How many moons?', additional_kwargs={})]"],
])('%s holds no words', (_, value) => {
  expect(readConversation(value)).toEqual({});
});

test('JSON with words behind it is what the user said, and a role that no map has stays as it is', () => {
  const text = '{"a": 1} as YAML, please';
  expect(readConversation(text)).toEqual({ text });
  expect(readConversation([{ role: 'constructor', content: 'Hi' }])).toEqual({
    messages: [{ role: 'constructor', content: 'Hi' }],
  });
});
