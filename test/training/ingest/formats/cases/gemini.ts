import type { FormatCases } from './log-case.ts';

const text = 'How many moons has Mars?';
const contents = [{ role: 'user', parts: [{ text }] }];
const response = (id: string, more: object = {}): Record<string, unknown> => ({
  responseId: id,
  modelVersion: 'gemini-2.5-flash',
  candidates: [{ content: { role: 'model', parts: [{ text: 'Two' }] }, finishReason: 'STOP' }],
  usageMetadata: {
    promptTokenCount: 9,
    candidatesTokenCount: 1,
    thoughtsTokenCount: 20,
    totalTokenCount: 30,
  },
  ...more,
});
const line = (id: string, more: object = {}): object => ({
  status: '',
  processed_time: '2026-02-03T10:00:00.000+00:00',
  request: { contents },
  response: response(id),
  ...more,
});
const asked = (key: string, words = text): object => ({
  key,
  request: { contents: [{ parts: [{ text: words }] }] },
});
const noWords = 'no words of the user were found in the prompt';

export const GEMINI: FormatCases = {
  records: [
    {
      title: 'a line of Vertex AI, its thoughts among the output',
      record: line('v-1'),
      requestId: 'v-1',
      row: {
        text,
        candidate: 'gemini-2.5-flash',
        answer: 'Two',
        finishReason: 'stop',
        inputTokens: 9,
        outputTokens: 21,
        costUsd: undefined,
        latencyMs: undefined,
        metadata: {},
      },
    },
    {
      title: 'the instructions and the model that was asked',
      record: line('v-2', {
        request: {
          model: 'models/gemini-2.5-pro',
          systemInstruction: { parts: [{ text: 'Be brief.' }] },
          contents,
        },
      }),
      requestId: 'v-2',
      row: {
        candidate: 'gemini-2.5-pro',
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: text },
        ],
      },
    },
    {
      title: 'a picture beside the words',
      record: line('v-3', {
        request: {
          contents: [
            { role: 'user', parts: [{ text }, { inlineData: { mimeType: 'image/png', data: 'iVBO' } }] },
          ],
        },
      }),
      requestId: 'v-3',
      row: { messages: [{ role: 'user', content: [{ type: 'text', text }, { type: 'image' }] }] },
    },
    {
      title: 'a call of a tool, which is an answer',
      record: line('v-4', {
        response: response('v-4', {
          candidates: [{ content: { parts: [{ functionCall: { name: 'count', args: {} } }] } }],
        }),
      }),
      requestId: 'v-4',
      row: { text, metadata: {} },
    },
    {
      title: 'a status that says it failed',
      record: {
        key: 'v-5',
        status: 'Bad Request: {"error": {"code": 400}}',
        request: { model: 'gemini-2.5-flash', contents },
        response: {},
      },
      requestId: 'v-5',
      row: { text, costUsd: undefined, latencyMs: undefined, metadata: { failed: true } },
    },
    {
      title: 'no words',
      record: line('v-6', {
        request: { contents: [{ parts: [{ inlineData: { mimeType: 'image/png' } }] }] },
      }),
      requestId: 'v-6',
      refused: noWords,
    },
    {
      title: 'an output alone',
      record: { key: 'v-7', response: response('r') },
      requestId: 'v-7',
      refused: noWords,
    },
    {
      title: 'a request without an answer',
      record: { request: { contents } },
      requestId: 'v-8',
      refused: 'the request has no answer in the log',
    },
    {
      title: 'an embedding',
      record: {
        key: 'v-9',
        request: { content: { parts: [{ text }] } },
        response: { embedding: { values: [1] } },
      },
      requestId: 'v-9',
      refused: 'the record is no call of a language model',
    },
  ],
  joins: [
    {
      title: 'input and output by their keys, in any order',
      files: {
        'output.jsonl': [
          { key: 'a', response: response('ra') },
          { key: 'b', response: response('rb', { modelVersion: 'gemini-2.5-pro' }) },
          { key: 'd', response: response('rd') },
        ],
        'input.jsonl': [asked('a'), asked('b', 'Who found Phobos?'), asked('c')],
      },
      rows: {
        a: { text, candidate: 'gemini-2.5-flash', outputTokens: 21, metadata: {} },
        b: { text: 'Who found Phobos?', candidate: 'gemini-2.5-pro', metadata: {} },
      },
      refused: {
        'the request has no answer in the log': 1,
        'the record is the output of a batch, and no line of the input that it answers was found': 1,
      },
      joined: 2,
      again: true,
    },
    {
      title: 'an error to its request, whose model it names',
      files: {
        'input.jsonl': [{ key: 'a', request: { model: 'models/gemini-2.5-flash', contents } }],
        'output.jsonl': [{ key: 'a', error: { code: 429, message: 'Quota' } }],
      },
      rows: { a: { text, candidate: 'gemini-2.5-flash', metadata: { failed: true, error: '429' } } },
      joined: 1,
    },
  ],
};
