import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadTokenCounter } from 'pointsman';
import { createRandom, estimateTokens } from 'pointsman/internal';
import { describe, expect, test } from 'vitest';

const ROOT = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8');
const countTokens = await loadTokenCounter();

/** Pieces of about a thousand characters. */
function pieces(text: string, most = 40): string[] {
  return Array.from({ length: Math.min(most, Math.floor(text.length / 1000)) }, (_, i) =>
    text.slice(1000 * i, 1000 * i + 1000),
  );
}

function sources(folder: string, ending: string): string {
  return readdirSync(new URL(folder, ROOT), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending) && !name.includes('dist'))
    .sort()
    .slice(0, 40)
    .map((name) => read(`${folder}${name}`).slice(0, 3_000))
    .join('\n');
}

/** Error messages of zod, in the language. */
function messages(language: string): string {
  const file = fileURLToPath(import.meta.resolve('zod/v4/locales').replace(/index\.js$/, `${language}.js`));
  const quoted = [...readFileSync(file, 'utf8').matchAll(/"([^"\n]+)"|`([^`]+)`/g)];
  return quoted
    .map(([, plain, template]) => (plain ?? template).replace(/\$\{[^}]*\}/g, ''))
    .filter((text) => /[^ -~]/.test(text))
    .join('. ');
}

const CHINESE =
  '请将下面这段文字翻译成英文，并说明每个句子的语法结构。昨天下午，我们在图书馆讨论了气候变化对农业的影响，大家认为政府应当采取更积极的措施。';
const JAPANESE =
  '次の文章を要約してください。昨日の会議では、来年度の予算について話し合いましたが、結論には至りませんでした。詳しい資料は後ほどお送りします。';
const KOREAN =
  '다음 글을 읽고 질문에 답하세요. 어제 우리는 도서관에서 기후 변화가 농업에 미치는 영향에 대해 이야기했습니다. 정부는 더 적극적인 대책을 마련해야 합니다.';

const TEXTS: Readonly<Record<string, readonly string[]>> = {
  'prose in Markdown': pieces(sources('docs/', '.md')),
  TypeScript: pieces(sources('src/', '.ts')),
  'JSON, indented': pieces(read('package-lock.json').slice(50_000), 20),
  'JSON, in one line': pieces(JSON.stringify(JSON.parse(read('bench/results/quality.json')))),
  Chinese: [CHINESE, CHINESE.repeat(20)],
  Japanese: [JAPANESE, JAPANESE.repeat(20)],
  Korean: [KOREAN, KOREAN.repeat(20)],
  German: [messages('de')],
  French: [messages('fr')],
  Spanish: [messages('es')],
  Arabic: [messages('ar')],
  Hindi: [messages('hi')],
  Thai: [messages('th')],
};

describe('estimated tokens against those counted by o200k_base', () => {
  const ratios = (texts: readonly string[]) => texts.map((text) => estimateTokens(text) / countTokens(text));

  test('are within 10 % for half of all texts', () => {
    const errors = Object.values(TEXTS)
      .flatMap(ratios)
      .map((ratio) => Math.abs(ratio - 1))
      .sort((a, b) => a - b);
    expect(errors[Math.floor(errors.length / 2)]).toBeLessThan(0.1);
  });

  test.each(Object.entries(TEXTS))(
    '%s: never under by more than 30 percent, nor over by more than 50 percent',
    (_, texts) => {
      for (const ratio of ratios(texts)) {
        expect(ratio).toBeGreaterThan(0.7);
        expect(ratio).toBeLessThan(1.5);
      }
    },
  );

  test('are not under by more than 30 percent for one letter, syllable or mark, however long', () => {
    const marks = [
      ...'abcdefghijklmnopqrstuvwxyzAEQZ0179éßñяжאاกहक一的あア가한',
      '😀',
      '-',
      '=',
      '.',
      '}',
      '"',
      ' ',
      '\n',
      '\t',
    ];
    for (const mark of marks) {
      for (const length of [300, 3_000, 50_000]) {
        const text = mark.repeat(length);
        expect(
          estimateTokens(text) / countTokens(text),
          `${JSON.stringify(mark)} × ${length}`,
        ).toBeGreaterThan(0.7);
      }
    }
  });

  test('are not under by more than 30 % for keys, numbers and encoded bytes', () => {
    const random = createRandom(1);
    const draw = (alphabet: string) =>
      Array.from({ length: 2_000 }, () => alphabet[random.integer(alphabet.length)]).join('');
    for (const text of [
      draw('0123456789abcdef'),
      draw('0123456789'),
      draw('abcdefghijklmnopqrstuvwxyz'),
      draw('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/'),
    ]) {
      expect(estimateTokens(text) / countTokens(text)).toBeGreaterThan(0.7);
    }
  });

  test('of a long text are taken from stretches of it, and are as near', () => {
    const mixed = Object.values(TEXTS).flat().join('\n').repeat(3);
    expect(mixed.length).toBeGreaterThan(200_000);
    expect(estimateTokens(mixed) / countTokens(mixed)).toBeCloseTo(1, 0.7);
    const text = 'a b '.repeat(1_000_000);
    const started = performance.now();
    for (let i = 0; i < 20; i++) estimateTokens(text);
    expect((performance.now() - started) / 20).toBeLessThan(20);
  });
});
