import {
  ADD,
  ADD_DOUBLES,
  AGAIN,
  constant,
  END,
  get,
  IS_LESS,
  LOAD_TWO_DOUBLES,
  LOOP,
  MULTIPLY,
  PLUS,
  set,
  simd,
  storeDouble,
  TIMES,
  wasmModule,
  ZERO,
} from '../fixtures/wasm-module.ts';

const LOAD_TWO_FLOATS = [...simd(93, 2, 0), ...simd(95)];

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
  ...[...get(GROUPS), ...constant(-1), ADD, 0x22, GROUPS, ...AGAIN, END],
];

/** `LAYERS` of `src/simd.ts`, in hexadecimal. */
export function layersKernel(): string {
  return wasmModule([{ name: 'd', parameters: 5, locals: [7, 5], code: LOOPS }]);
}
