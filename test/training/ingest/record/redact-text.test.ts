import fc from 'fast-check';
import { expect, test } from 'vitest';
import { redactionPatterns, redactJson, redactText } from '../../../../training/ingest/record/format.ts';

test.each([
  ['Write to anna.lee+x@mail.example.co.uk, please', 'Write to [EMAIL], please'],
  ['müller@bücher.example is mine', '[EMAIL] is mine'],
  ['Call +44 20 7946 0958 or +1 (415) 555-2671.', 'Call [PHONE] or [PHONE].'],
  ['My number: (415) 555-2671, or 415-555-2671', 'My number: [PHONE], or [PHONE]'],
  ['Card 4111 1111 1111 1111 and 5500-0000-0000-0004', 'Card [CARD] and [CARD]'],
  ['Pay to DE89 3704 0044 0532 0130 00 today', 'Pay to [IBAN] today'],
  ['IBAN GB82WEST12345698765432.', 'IBAN [IBAN].'],
  ['Server 192.168.0.1:8080 and 2001:db8::8a2e:370:7334', 'Server [IP]:8080 and [IP]'],
  ['key sk-proj-abcdefghijklmnopqrstuv and AKIAIOSFODNN7EXAMPLE', 'key [KEY] and [KEY]'],
  ['postgres://me:secret@db.example.com/x', 'postgres://[KEY]@db.example.com/x'],
  ['-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- ok', '[KEY] ok'],
])('%s', (text, redacted) => {
  expect(redactText(text)).toBe(redacted);
});

test.each([
  'What is 4111111111111112 + 1234567890123?',
  'Convert 1234567890 to hexadecimal, and 3.14159265358979',
  'The ratio is 10:20:30 at 12:30:15, version 1.2.3.4.5, section 300.1.2.3',
  'Use @media (max-width: 600px) and a::before; std::vector<int> x',
  'DE89 3704 0044 0532 0130 01 is no IBAN',
  'Solve x+3 = 12 and +5 -7; 2026-11-25T10:00:00Z',
  'ISBN 978-3-16-148410-0',
])('leaves alone: %s', (text) => {
  expect(redactText(text)).toBe(text);
});

test('what was redacted stays as it is', () => {
  const piece = fc.constantFrom(
    'a@b.example',
    '4111111111111111',
    '10.0.0.1',
    '+44 20 7946 0958',
    ' ',
    'x',
    '7',
    ',',
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string())), (pieces) => {
      const once = redactText(pieces.join(' '));
      expect(redactText(once)).toBe(once);
    }),
  );
});

test("patterns of one's own come first; what is no pattern is refused", () => {
  const further = redactionPatterns({ ORDER: String.raw`\bA-\d{6}\b` });
  expect(redactText('Order A-123456 of a@b.example', further)).toBe('Order [ORDER] of [EMAIL]');
  expect(() => redactionPatterns({ ORDER: '(' })).toThrow(/redaction ORDER must be a regular expression/);
  expect(() => redactionPatterns({ order: 'x' })).toThrow(/name of a redaction/);
});

test('texts inside JSON are redacted; numbers, names and roles are not', () => {
  const message = {
    role: 'user',
    content: [{ type: 'text', text: 'I am a@b.example' }],
    n: 4111111111111111,
  };
  expect(redactJson([message])).toEqual([{ ...message, content: [{ type: 'text', text: 'I am [EMAIL]' }] }]);
});
