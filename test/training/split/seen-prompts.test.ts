import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { PromptRecord } from '../../../training/outcomes/matrix.ts';
import {
  addFittedPrompts,
  decodeSeenPrompts,
  encodeSeenPrompts,
  joinSeenPrompts,
} from '../../../training/split/split.ts';

const prompt = (text: string): PromptRecord => ({
  requestId: text,
  timestampMs: null,
  request: { text },
  task: null,
  tier: null,
  source: 'test',
});
const hashed = (text: string): PromptRecord => ({
  ...prompt(''),
  promptHash: createHash('sha256').update(text).digest('hex'),
});
const said = (content: string, system = 'Be kind.'): PromptRecord => ({
  ...prompt(''),
  request: {
    messages: [
      { role: 'system', content: system },
      { role: 'user', content },
    ],
  },
});

it('tells fitted, calibrated and other prompts apart, whatever they are drawn from', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.string({ unit: 'grapheme', minLength: 1 }), {
        selector: (text) => text.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim(),
      }),
      (texts) => {
        const prompts = texts.filter((text) => text.trim() !== '').map(prompt);
        const [fit, calibrate, others] = [0, 1, 2].map((part) => prompts.filter((_, i) => i % 3 === part));
        const seen = decodeSeenPrompts(encodeSeenPrompts({ fit, calibrate }, 'one'), 'one');
        for (const each of fit) expect(seen.roleOf(each)).toBe('fit');
        for (const each of calibrate) expect(seen.roleOf(each)).toBe('calibrate');
        for (const each of others) expect(seen.roleOf(each)).toBeNull();
      },
    ),
  );
});

it('knows a prompt by its words, as messages or text, with other case, white space and system prompt', () => {
  const seen = decodeSeenPrompts(
    encodeSeenPrompts({ fit: [said('What is  2 + 3?')], calibrate: [] }, 's'),
    's',
  );
  for (const same of ['What is 2 + 3?', ' WHAT IS 2 +\n3?', 'what is 2 + 3?'])
    for (const as of [prompt(same), said(same, 'Be brief.')])
      expect([same, seen.roleOf(as)]).toEqual([same, 'fit']);
  for (const other of ['What is 2 - 3?', 'What is 2 + 3', ''])
    expect([other, seen.roleOf(prompt(other))]).toEqual([other, null]);
});

it('knows a prompt whose words are not kept from one whose words are, and the other way about', () => {
  const fit = [prompt('Hello there'), hashed('Good morning')];
  const seen = decodeSeenPrompts(encodeSeenPrompts({ fit, calibrate: [] }, 's'), 's');
  for (const same of [hashed('Hello there'), prompt('Good morning'), said('Good morning')])
    expect(seen.roleOf(same)).toBe('fit');
  expect(seen.roleOf(hashed('hello there'))).toBeNull();
});

it('is small, the same for the same prompts in any order, and another for another router', () => {
  const fit = Array.from({ length: 500 }, (_, i) => prompt(`Question ${i}`));
  const record = encodeSeenPrompts({ fit, calibrate: [prompt('x')] }, 'one');
  expect(record.length).toBe(16 + 12 * 501);
  expect(encodeSeenPrompts({ fit: fit.toReversed(), calibrate: [prompt('x')] }, 'one')).toEqual(record);
  const other = encodeSeenPrompts({ fit, calibrate: [prompt('x')] }, 'two');
  const keys = (bytes: Uint8Array) =>
    new Set(
      Array.from({ length: 1002 }, (_, i) => Buffer.from(bytes).toString('hex', 16 + 6 * i, 22 + 6 * i)),
    );
  const others = keys(other);
  expect([...keys(record)].filter((key) => others.has(key))).toEqual([]);
});

it('takes more prompts in as fitted, also those that were only calibrated on', () => {
  const before = encodeSeenPrompts({ fit: [prompt('a')], calibrate: [prompt('b'), prompt('c')] }, 's');
  const after = addFittedPrompts(before, [prompt('b'), prompt('d')], 's');
  expect(after).toEqual(
    encodeSeenPrompts({ fit: ['a', 'b', 'd'].map(prompt), calibrate: [prompt('c')] }, 's'),
  );
});

it('is that of all parts, whose prompts were fitted on where one part says so', () => {
  const part = (fit: string, calibrate: string) =>
    encodeSeenPrompts({ fit: [...fit].map(prompt), calibrate: [...calibrate].map(prompt) }, 's');
  expect(joinSeenPrompts([part('ab', 'x'), part('c', 'ya'), part('', '')])).toEqual(part('abc', 'xy'));
});

it('refuses what is no such record, or not whole', () => {
  const record = encodeSeenPrompts({ fit: [prompt('a')], calibrate: [] }, 's');
  const newer = record.slice();
  newer[4] = 2;
  for (const bytes of [new Uint8Array(), record.slice(0, 10), record.slice(0, -1), newer, new Uint8Array(64)])
    expect(() => decodeSeenPrompts(bytes, 's')).toThrow('must be of version 1, and whole');
});
