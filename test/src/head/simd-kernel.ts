/** Parts of a WebAssembly module: https://webassembly.github.io/spec/core/binary. */
const number = (value: number): number[] =>
  value < 128 ? [value] : [(value & 127) | 128, ...number(value >>> 7)];
const list = (items: readonly (readonly number[])[]) => [...number(items.length), ...items.flat()];
const section = (id: number, content: readonly number[]) => [id, ...number(content.length), ...content];

const I32 = 0x7f;
const V128 = 0x7b;
const get = (local: number) => [0x20, local];
const set = (local: number) => [0x21, local];
const constant = (value: number) => [0x41, ...number(value)];
const ADD = 0x6a;
const MULTIPLY = 0x6c;
const IS_LESS = 0x49;
const LOOP = [0x03, 0x40];
const AGAIN = [0x0d, 0];
const END = 0x0b;
const simd = (code: number, ...rest: readonly number[]) => [0xfd, ...number(code), ...rest];
const LOAD_TWO_DOUBLES = simd(0, 3, 0);
const LOAD_TWO_FLOATS = [...simd(93, 2, 0), ...simd(95)];
const ZERO = simd(12, ...Array<number>(16).fill(0));
const TIMES = simd(0xf2);
const PLUS = simd(0xf0);
const ADD_DOUBLES = 0xa0;
const storeDouble = (offset: number) => [0x39, 3, offset];

// Parameters: where x is, where weights are, how long x is, how many groups of four outputs, where results go. Then what is used.
const [X, WEIGHTS, INPUTS, GROUPS, OUT, STRIDE, AT, ROW0, ROW1, ROW2, ROW3, STOP] = Array(12).keys();
const [SUM0, SUM1, SUM2, SUM3, PAIR] = [12, 13, 14, 15, 16];
const ROWS = [ROW0, ROW1, ROW2, ROW3];
const SUMS = [SUM0, SUM1, SUM2, SUM3];

/** The loop of `Dense`, with its even and odd sum of an output as the two numbers of a vector. */
const LOOPS = [
  ...[...get(INPUTS), ...constant(4), MULTIPLY, ...set(STRIDE)],
  ...[...get(X), ...get(INPUTS), ...constant(8), MULTIPLY, ADD, ...set(STOP)],
  ...LOOP, // groups of four outputs
  ...[...get(X), ...set(AT), ...get(WEIGHTS), ...set(ROW0)],
  ...[ROW0, ROW1, ROW2].flatMap((row) => [...get(row), ...get(STRIDE), ADD, ...set(row + 1)]),
  ...SUMS.flatMap((sum) => [...ZERO, ...set(sum)]),
  ...LOOP, // pairs of inputs
  ...[...get(AT), ...LOAD_TWO_DOUBLES, ...set(PAIR)],
  ...SUMS.flatMap((sum, k) => [
    ...[...get(sum), ...get(PAIR), ...get(ROWS[k]), ...LOAD_TWO_FLOATS, ...TIMES, ...PLUS, ...set(sum)],
  ]),
  ...[...get(AT), ...constant(16), ADD, ...set(AT)],
  ...ROWS.flatMap((row) => [...get(row), ...constant(8), ADD, ...set(row)]),
  ...[...get(AT), ...get(STOP), IS_LESS, ...AGAIN, END],
  ...SUMS.flatMap((sum, k) => [
    ...[...get(OUT), ...get(sum), ...simd(33, 0), ...get(sum), ...simd(33, 1), ADD_DOUBLES],
    ...storeDouble(8 * k),
  ]),
  ...[...get(OUT), ...constant(32), ADD, ...set(OUT), ...get(ROW3), ...set(WEIGHTS)],
  // One group less; again while one is left.
  ...[...get(GROUPS), 0x41, 0x7f, ADD, 0x22, GROUPS, ...AGAIN, END],
  END,
];

/** The module that `src/head/simd-layers.ts` holds, in hexadecimal. */
export function simdKernel(): string {
  const name = list([[...Buffer.from('m')]]);
  const locals = [
    [7, I32],
    [5, V128],
  ];
  const body = [...list(locals), ...LOOPS];
  const module = [
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, list([[0x60, ...list(Array(5).fill([I32])), ...list([])]])),
    ...section(2, list([[...name, ...name, 2, 0, 1]])),
    ...section(3, list([[0]])),
    ...section(7, list([[...list([[...Buffer.from('d')]]), 0, 0]])),
    ...section(10, list([[...number(body.length), ...body]])),
  ];
  return Buffer.from(module).toString('hex');
}
