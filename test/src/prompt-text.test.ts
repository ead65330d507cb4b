import fc from 'fast-check';
import { type Request, readPrompt } from 'pointsman';
import { expect, test } from 'vitest';

test('the user messages are the text; the rest is counted', () => {
  const prompt = readPrompt({
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hello' },
      { role: 'assistant', content: null, tool_calls: [{}] },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is this?' },
          { type: 'image_url', image_url: { url: 'data:' } },
          { type: 'input_audio', input_audio: {} },
          { type: 'hologram', depth: 3 },
        ],
      },
    ],
    tools: [{}, {}],
    responseFormat: { type: 'json_schema' },
  });
  expect(prompt).toEqual({
    text: 'Hello\nWhat is this?',
    turns: 4,
    contextCharacters: 9,
    images: 1,
    audios: 1,
    tools: 2,
    structured: true,
  });
});

test('messages take precedence over text', () => {
  expect(readPrompt({ text: 'a', messages: [{ role: 'user', content: 'b' }] }).text).toBe('b');
});

test('whatever the content, reading does not throw', () => {
  const message = fc.record(
    { role: fc.string(), content: fc.anything(), extra: fc.anything() },
    { requiredKeys: [] },
  );
  const request = fc.record(
    {
      text: fc.anything(),
      messages: fc.oneof(fc.array(fc.option(message)), fc.anything()),
      tools: fc.anything(),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(request, (value) => {
      expect(typeof readPrompt(value as Request).text).toBe('string');
    }),
  );
});
