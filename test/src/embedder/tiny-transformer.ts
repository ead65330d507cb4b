import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Whether transformers.js is there. It is no development dependency: with its runtimes it is 450 MB, and its install
 * script fetches CUDA libraries. `.ci/run` adds it; by hand: npm i --no-save --ignore-scripts @huggingface/transformers
 */
export const hasTransformers = existsSync(
  new URL('../../../node_modules/@huggingface/transformers/package.json', import.meta.url),
);

const VOCABULARY = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', 'hello', 'world', 'the', 'cat', '##s', 'a', 'b'];
const WIDTH = 4;

/** A folder that transformers.js can load: a WordPiece tokeniser, and an ONNX graph that looks vectors up. */
export async function writeTinyTransformer(folder: string): Promise<void> {
  await mkdir(join(folder, 'onnx'), { recursive: true });
  const json = (name: string, value: unknown) => writeFile(join(folder, name), JSON.stringify(value));
  await json('config.json', { model_type: 'bert', hidden_size: WIDTH, vocab_size: VOCABULARY.length });
  await json('tokenizer_config.json', {
    tokenizer_class: 'BertTokenizer',
    pad_token: '[PAD]',
    unk_token: '[UNK]',
    cls_token: '[CLS]',
    sep_token: '[SEP]',
    model_max_length: 64,
    do_lower_case: true,
  });
  await json('tokenizer.json', tokeniser());
  await writeFile(join(folder, 'onnx', 'model.onnx'), lookUpModel());
}

function tokeniser() {
  const special = (id: number) => ({
    id,
    content: VOCABULARY[id],
    special: true,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
  });
  const named = (id: number) => ({
    [VOCABULARY[id]]: { id: VOCABULARY[id], ids: [id], tokens: [VOCABULARY[id]] },
  });
  return {
    version: '1.0',
    added_tokens: [0, 1, 2, 3].map(special),
    normalizer: { type: 'BertNormalizer', lowercase: true, clean_text: true, handle_chinese_chars: true },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [
        { SpecialToken: { id: '[CLS]', type_id: 0 } },
        { Sequence: { id: 'A', type_id: 0 } },
        { SpecialToken: { id: '[SEP]', type_id: 0 } },
      ],
      pair: [],
      special_tokens: { ...named(2), ...named(3) },
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(VOCABULARY.map((piece, id) => [piece, id])),
    },
  };
}

/** `last_hidden_state = Gather(vectors, input_ids)`, as an ONNX protobuf (field numbers from onnx.proto3). */
function lookUpModel(): Uint8Array {
  const table = Float32Array.from({ length: VOCABULARY.length * WIDTH }, (_, i) => Math.sin(1 + i));
  const vectors = [
    number(1, VOCABULARY.length),
    number(1, WIDTH),
    number(2, 1), // float
    text(8, 'vectors'),
    bytes(9, new Uint8Array(table.buffer)),
  ];
  const gather = [text(1, 'vectors'), text(1, 'input_ids'), text(2, 'last_hidden_state'), text(4, 'Gather')];
  const graph = [
    message(1, gather),
    text(2, 'tiny'),
    message(5, vectors),
    message(11, valueInfo('input_ids', 7, [text(2, 'batch'), text(2, 'sequence')])), // int64
    message(11, valueInfo('attention_mask', 7, [text(2, 'batch'), text(2, 'sequence')])),
    message(12, valueInfo('last_hidden_state', 1, [text(2, 'batch'), text(2, 'sequence'), number(1, WIDTH)])),
  ];
  return join8([number(1, 8), message(7, graph), message(8, [text(1, ''), number(2, 13)])]);
}

function valueInfo(name: string, type: number, shape: Uint8Array[]): Uint8Array[] {
  const dimensions = shape.map((dimension) => message(1, [dimension]));
  return [text(1, name), message(2, [message(1, [number(1, type), message(2, dimensions)])])];
}

function number(field: number, value: number): Uint8Array {
  return Uint8Array.of(field << 3, ...varint(value));
}

function text(field: number, value: string): Uint8Array {
  return bytes(field, new TextEncoder().encode(value));
}

function message(field: number, parts: Uint8Array[]): Uint8Array {
  return bytes(field, join8(parts));
}

function bytes(field: number, value: Uint8Array): Uint8Array {
  return join8([Uint8Array.of((field << 3) | 2, ...varint(value.length)), value]);
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
}

function join8(parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
