import { type Request, readPrompt } from 'pointsman';
import { describe, expect, test } from 'vitest';

const PDF = 'data:application/pdf;base64,JVBERi0=';
const PNG = 'data:image/png;base64,iVBORw0=';

/** Parts by the API that has them, and what kind of content each is. */
const MEDIA: readonly (readonly [api: string, part: object, kind: string])[] = [
  ['OpenAI Chat', { type: 'image_url', image_url: { url: 'https://x/a.png', detail: 'low' } }, 'image'],
  ['OpenAI Chat', { type: 'image_url', image_url: { url: PDF } }, 'document'],
  ['OpenAI Chat', { type: 'input_audio', input_audio: { data: 'UklG', format: 'wav' } }, 'audio'],
  ['OpenAI Chat', { type: 'file', file: { file_data: PDF, filename: 'a.pdf' } }, 'document'],
  ['OpenAI Chat', { type: 'file', file: { file_id: 'file-1' } }, 'document'],
  ['OpenAI Chat', { type: 'file', file: { file_data: PNG } }, 'image'],
  ['OpenAI Responses', { type: 'input_image', image_url: 'https://x/a.png' }, 'image'],
  ['OpenAI Responses', { type: 'input_image', file_id: 'file-1', detail: 'auto' }, 'image'],
  ['OpenAI Responses', { type: 'input_file', file_data: PDF, filename: 'a.pdf' }, 'document'],
  ['OpenAI Responses', { type: 'input_file', file_url: 'https://x/a.pdf' }, 'document'],
  ['OpenAI Assistants', { type: 'image_file', image_file: { file_id: 'file-1' } }, 'image'],
  [
    'Anthropic',
    { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0=' } },
    'image',
  ],
  ['Anthropic', { type: 'image', source: { type: 'url', url: 'https://x/a.png' } }, 'image'],
  ['Anthropic', { type: 'image', source: { type: 'file', file_id: 'f1' } }, 'image'],
  [
    'Anthropic',
    { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' } },
    'document',
  ],
  [
    'Anthropic',
    { type: 'document', source: { type: 'url', url: 'https://x/a.pdf' }, title: 'A' },
    'document',
  ],
  ['Anthropic', { type: 'document', source: { type: 'file', file_id: 'f1' } }, 'document'],
  ['Anthropic', { type: 'container_upload', file_id: 'f1' }, 'document'],
  ['Gemini', { inlineData: { mimeType: 'image/png', data: 'iVBORw0=' } }, 'image'],
  ['Gemini', { inline_data: { mime_type: 'application/pdf', data: 'JVBERi0=' } }, 'document'],
  ['Gemini', { fileData: { mimeType: 'video/mp4', fileUri: 'gs://x/a' } }, 'video'],
  ['Gemini', { file_data: { mime_type: 'audio/mp3', file_uri: 'gs://x/a' } }, 'audio'],
  ['Gemini', { fileData: { fileUri: 'gs://x/a' } }, 'document'],
  ['AI SDK', { type: 'image', image: new Uint8Array(3) }, 'image'],
  ['AI SDK', { type: 'image', image: new URL('https://x/a.png'), mediaType: 'image/png' }, 'image'],
  ['AI SDK', { type: 'file', data: 'JVBERi0=', mediaType: 'application/pdf' }, 'document'],
  ['AI SDK', { type: 'file', data: 'aaaa', mediaType: 'image/*' }, 'image'],
  ['AI SDK', { type: 'file', data: 'aaaa', mimeType: 'audio/wav' }, 'audio'],
  ['AI SDK', { type: 'file', url: 'https://x/a.mp4', mediaType: 'video/mp4' }, 'video'],
  ['vLLM', { type: 'video_url', video_url: { url: 'https://x/a.mp4' } }, 'video'],
  ['vLLM', { type: 'audio_url', audio_url: { url: 'https://x/a.wav' } }, 'audio'],
  ['vLLM', { type: 'image_embeds', image_embeds: 'aaaa' }, 'image'],
  ['vLLM, without a type', { image_url: 'https://x/a.png' }, 'image'],
  ['vLLM, without a type', { audio_url: 'https://x/a.wav' }, 'audio'],
  ['vLLM, without a type', { video_url: 'https://x/a.mp4' }, 'video'],
  ['Mistral', { type: 'image_url', image_url: 'https://x/a.png' }, 'image'],
  ['Mistral', { type: 'document_url', document_url: 'https://x/a.pdf' }, 'document'],
  ['Bedrock', { image: { format: 'png', source: { bytes: 'iVBORw0=' } } }, 'image'],
  ['Bedrock', { document: { format: 'pdf', name: 'a', source: { bytes: 'JVBERi0=' } } }, 'document'],
  ['Bedrock', { video: { format: 'mp4', source: { s3Location: { uri: 's3://x' } } } }, 'video'],
  ['LangChain', { type: 'image', source_type: 'base64', mime_type: 'image/png', data: 'iVBORw0=' }, 'image'],
  ['LangChain', { type: 'media', mime_type: 'video/mp4', data: 'aaaa' }, 'video'],
  ['LangChain', { type: 'file', source_type: 'url', url: 'https://x/a.pdf' }, 'document'],
];

/** How many of each kind a request has. */
function kindsOf(request: Request) {
  const { images, audios, videos = 0, documents = 0 } = readPrompt(request);
  const counts = { image: images, audio: audios, video: videos, document: documents };
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}

const said = (content: unknown, more: object = {}): Request =>
  ({ messages: [{ role: 'user', content, ...more }] }) as Request;

describe('what is no text', () => {
  test.each(MEDIA)('%s: %j is %s', (_, part, kind) => {
    expect(kindsOf(said([{ type: 'text', text: 'What is this?' }, part]))).toEqual({ [kind]: 1 });
    expect(readPrompt(said([{ text: 'What is this?' }, part])).text).toBe('What is this?');
  });

  test.each(MEDIA)('%s: %j counts in the result of a tool as well', (_, part, kind) => {
    const inside = [{ type: 'text', text: 'result' }, part];
    for (const result of [
      { type: 'tool_result', tool_use_id: 't', content: inside },
      { type: 'tool-result', output: { type: 'content', value: inside } },
      { type: 'function_call_output', output: inside },
      { toolResult: { content: inside } },
      { functionResponse: { name: 'f', parts: inside } },
    ]) {
      expect(kindsOf(said([result]))).toEqual({ [kind]: 1 });
      const { text, contextCharacters } = readPrompt(said([result]));
      expect([text, contextCharacters]).toEqual(['', 'result'.length]);
    }
  });

  test('parts beside the content count: parts of UI messages, attachments, lists of pictures, sounds given before', () => {
    const file = { type: 'file', mediaType: 'image/png', url: 'https://x/a.png' };
    expect(
      kindsOf({ messages: [{ role: 'user', parts: [file, { type: 'text', text: 'hi' }] } as never] }),
    ).toEqual({
      image: 1,
    });
    const attachment = { contentType: 'application/pdf', url: 'https://x/a.pdf' };
    expect(kindsOf(said('hi', { experimental_attachments: [attachment] }))).toEqual({ document: 1 });
    expect(kindsOf(said('hi', { images: ['aaaa', 'bbbb'] }))).toEqual({ image: 2 });
    expect(
      kindsOf({ messages: [{ role: 'assistant', content: null, audio: { id: 'a' } } as never] }),
    ).toEqual({
      audio: 1,
    });
  });

  test.each([
    { type: 'text', text: 'hi', cache_control: { type: 'ephemeral' } },
    { cachePoint: { type: 'default' } },
    { type: 'reference', reference_ids: [1] },
    { type: 'file_search_call', queries: ['a'] },
    { type: 'image_generation_call', result: 'aaaa' },
    { type: 'tool_use', id: 't', name: 'view_image', input: { image_url: 'https://x' } },
    { type: 'tool-call', toolName: 'f', input: {} },
    { toolUse: { name: 'f', input: { image: 1 } } },
    { functionCall: { name: 'f', args: { file: 'a' } } },
    { type: 'thinking', thinking: 'image', signature: 's' },
    { type: 'profile', name: 'x' },
  ])('%j is none of these', (part) => {
    expect(kindsOf(said([part]))).toEqual({});
  });
});

describe('the words', () => {
  test.each<[string, unknown]>([
    ['a text', 'hello'],
    ['a list of texts', ['hello']],
    ['OpenAI Chat', [{ type: 'text', text: 'hello' }]],
    ['OpenAI Responses', [{ type: 'input_text', text: 'hello' }]],
    ['OpenAI Assistants', [{ type: 'text', text: { value: 'hello', annotations: [] } }]],
    ['Gemini and Bedrock, without a type', [{ text: 'hello' }]],
    ['one part that is no list', { type: 'text', text: 'hello' }],
    ['a type that is not known', [{ type: 'markdown', text: 'hello' }]],
    ['Bedrock, guarded', [{ guardContent: { text: { text: 'hello' } } }]],
    ['LangChain', [{ type: 'text-plain', text: 'hello' }]],
    [
      'Anthropic, a document of text',
      [{ type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'hello' } }],
    ],
    [
      'Anthropic, a document of parts',
      [{ type: 'document', source: { type: 'content', content: [{ type: 'text', text: 'hello' }] } }],
    ],
    [
      'Anthropic, what a search found',
      [
        {
          type: 'search_result',
          source: 'https://x',
          title: 'X',
          content: [{ type: 'text', text: 'hello' }],
        },
      ],
    ],
    ['Cohere', [{ type: 'document', document: { data: 'hello' } }]],
  ])('of %s are read', (_, content) => {
    for (const role of ['user', 'human', 'User', undefined]) {
      expect(readPrompt({ messages: [{ role, content } as never] })).toMatchObject({
        text: 'hello',
        contextCharacters: 0,
      });
    }
    for (const role of ['assistant', 'model', 'ai', 'system', 'developer', 'tool']) {
      expect(readPrompt({ messages: [{ role, content } as never] })).toMatchObject({
        text: '',
        contextCharacters: 5,
      });
    }
    expect(kindsOf(said(content))).toEqual({});
  });

  test('of parts of UI messages and Gemini are read, and items of the Responses API are not taken for the user', () => {
    const parts = [{ text: 'hello' }];
    expect(readPrompt({ messages: [{ role: 'user', parts } as never] }).text).toBe('hello');
    const items = [
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hello' }] },
      { type: 'reasoning', summary: [], content: [{ type: 'reasoning_text', text: 'hm' }] },
      { type: 'function_call', name: 'f', arguments: '{"text":"x"}', call_id: 'c' },
      { type: 'function_call_output', call_id: 'c', output: 'four' },
      { type: 'computer_call_output', output: { type: 'computer_screenshot', image_url: 'https://x' } },
    ];
    expect(readPrompt({ messages: items as never })).toMatchObject({
      text: 'hello',
      contextCharacters: 6,
      images: 1,
      turns: 5,
    });
  });

  test('however deep a message is nested, reading ends', () => {
    let deep: unknown = 'hello';
    for (let i = 0; i < 100_000; i++) deep = i % 2 === 0 ? [deep] : { type: 'tool_result', content: deep };
    expect(readPrompt(said(deep)).text).toBe('');
    let address: unknown = 'https://x';
    for (let i = 0; i < 100_000; i++) address = { url: address, file: address };
    expect(kindsOf(said([{ type: 'file', file: address }]))).toEqual({ document: 1 });
  });
});
