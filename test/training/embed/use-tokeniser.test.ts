import { EmbeddingsModel } from '@energetic-ai/embeddings';
import fc from 'fast-check';
import { buildPieceTrie, UnigramTokeniser } from 'pointsman/internal';
import { beforeAll, describe, expect, it } from 'vitest';
import { readUseVocabulary, USE_RESERVED_PIECES } from '../../../training/embed/use-embedder.ts';

const PROSE = [
  'The quick brown fox jumps over the lazy dog.',
  'What is the derivative of x^2 + 3x - 7 at x = 4? Show your work; answer with a number only.',
  "def fizzbuzz(n):\n    for i in range(1, n + 1):\n        print('Fizz' * (i % 3 == 0) or i)",
  'Translate “Où est la bibliothèque?” into German — and explain the word order…',
  "SELECT customer_id, SUM(total) FROM orders WHERE created_at >= '2024-01-01' GROUP BY 1;",
  'Meet me at 10:30 or 11:00 :) see https://example.com/a?b=c&d=e#f',
  'A 45-year-old woman presents with fatigue, weight gain & cold intolerance (TSH 12.4 mIU/L).',
  'Antidisestablishmentarianism, pneumonoultramicroscopicsilicovolcanoconiosis, honorificabilitudinitatibus',
  'E = mc², ½ of 10 µg, ½ cup; naïve café Ångström ﬁnance Ｆｕｌｌｗｉｄｔｈ',
  'नमस्ते दुनिया, привет мир, 你好世界, שלום 🙂🙃 مرحبا',
];

describe('the tokeniser on the vocabulary of Universal Sentence Encoder lite', () => {
  let tokeniser: UnigramTokeniser;
  let reference: (text: string) => number[];

  beforeAll(async () => {
    const { pieces, scores } = await readUseVocabulary();
    tokeniser = new UnigramTokeniser(buildPieceTrie(pieces, USE_RESERVED_PIECES), scores);
    // The reference lets the last of equal pieces win; a vocabulary should have none, so give it the first alone.
    const vocabulary = pieces.map((piece, i): [string, number] => [
      pieces.indexOf(piece) === i ? piece : `\u0001${i}`,
      scores[i],
    ]);
    const model = new EmbeddingsModel({ vocabulary, model: null as never });
    reference = (text) => model.tokenizer.encode(text);
  });

  it.each(PROSE)('cuts %j as the reference does', (text) => {
    // The reference keeps line feeds, which it does not know; SentencePiece makes one space of any white space.
    expect(Array.from(tokeniser.tokenise(text))).toEqual(reference(text.replace(/\s+/g, ' ')));
  });

  it('cuts any words as the reference does', () => {
    const word = fc.oneof(
      fc.string({ unit: fc.constantFrom(...'etaoinshrdlucmfwypvbgkqjxz'), minLength: 1, maxLength: 14 }),
      fc.string({ unit: 'grapheme-ascii', minLength: 1 }).map((text) => text.replaceAll(' ', 'x')),
      fc.constantFrom(
        '://',
        ':)',
        ':-)',
        '10:30',
        '):',
        '“Hello',
        '”5',
        "don't",
        '...',
        '1,000',
        '$5.99',
        'IDs',
      ),
    );
    fc.assert(
      fc.property(fc.array(word, { minLength: 1 }), (words) => {
        const text = words.join(' ');
        expect(Array.from(tokeniser.tokenise(text))).toEqual(reference(text));
      }),
      { numRuns: 500 },
    );
  });
});
