import { createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { keyedHash } from '../../src/text.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

it('a keyed hash is HMAC-SHA-256, of any key and any text', async () => {
  const text = fc.string({ unit: 'binary', maxLength: 200 });
  await fc.assert(
    fc.asyncProperty(text, text, async (key, of) => {
      const expected = createHmac('sha256', Buffer.from(key)).update(Buffer.from(of)).digest('hex');
      expect(await keyedHash(key, of, sha256)).toBe(expected);
    }),
  );
});
