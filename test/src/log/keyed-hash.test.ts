import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { keyedHash } from '../../../src/log/kept-content.ts';

it('a keyed hash is HMAC-SHA-256, of any key and any text', async () => {
  const text = (minLength: number) => fc.string({ unit: 'grapheme', minLength, maxLength: 200 });
  await fc.assert(
    fc.asyncProperty(text(1), text(0), async (key, of) => {
      expect(await keyedHash(key, of)).toBe(createHmac('sha256', key).update(of).digest('hex'));
    }),
  );
});
