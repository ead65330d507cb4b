import {
  ADD,
  AGAIN,
  constant,
  END,
  get,
  IS_LESS,
  LOOP,
  SUBTRACT,
  set,
  simd,
  wasmModule,
  ZERO,
} from '../../fixtures/wasm-module.ts';

const MULTIPLY_AND_ADD_PAIRS = simd(0xba);
const PLUS = simd(0xae);
const LOAD = simd(0, 3, 0);
const numberOf = (lane: number) => simd(27, lane);
const storeWhole = (offset: number) => [0x36, 2, offset];
const plus = (a: number, b: number) => [...get(a), ...get(b), ADD];
const advance = (local: number, by: readonly number[]) => [...get(local), ...by, ADD, ...set(local)];
const range = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i);

const ASKED_ROWS = 4;
const STORED_ROWS = 2;

/** Two stored rows at a time with four that are asked: each vector is loaded once for all it is multiplied with. */
function compare(): number[] {
  // Parameters: places of rows, bytes of a row, pairs of stored rows, place of the products.
  const [ASKED, STORED, WIDTH, PAIRS, OUT, K, SECOND, LENGTH, TO] = range(9);
  const asked = [ASKED, ...range(ASKED_ROWS - 1, 9)];
  const sums = range(ASKED_ROWS * STORED_ROWS, 9 + ASKED_ROWS - 1);
  const [ONE, OTHER, OWN] = range(3, 9 + ASKED_ROWS - 1 + sums.length);
  const sumOf = (vector: number) => [
    ...range(4).flatMap((lane) => [...get(vector), ...numberOf(lane), ...(lane > 0 ? [ADD] : [])]),
  ];
  return [
    ...asked.slice(1).flatMap((row, i) => [...plus(asked[i], WIDTH), ...set(row)]),
    // Bytes of the products of a row.
    ...[...get(PAIRS), ...constant(3), 0x74, ...set(LENGTH)],
    ...LOOP, // pairs
    ...sums.flatMap((sum) => [...ZERO, ...set(sum)]),
    ...[...plus(STORED, WIDTH), ...set(SECOND), ...constant(0), ...set(K)],
    ...LOOP, // along the rows
    ...[...plus(STORED, K), ...LOAD, ...set(ONE), ...plus(SECOND, K), ...LOAD, ...set(OTHER)],
    ...asked.flatMap((row, r) => [
      ...[...plus(row, K), ...LOAD, ...set(OWN)],
      ...[ONE, OTHER].flatMap((stored, s) => {
        const sum = sums[STORED_ROWS * r + s];
        return [...get(sum), ...get(OWN), ...get(stored), ...MULTIPLY_AND_ADD_PAIRS, ...PLUS, ...set(sum)];
      }),
    ]),
    ...[...advance(K, constant(16)), ...get(K), ...get(WIDTH), IS_LESS, ...AGAIN, END],
    ...[...get(OUT), ...set(TO)],
    ...asked.flatMap((_, r) => [
      ...range(STORED_ROWS).flatMap((s) => [
        ...[...get(TO), ...sumOf(sums[STORED_ROWS * r + s]), ...storeWhole(4 * s)],
      ]),
      ...advance(TO, get(LENGTH)),
    ]),
    ...[...plus(SECOND, WIDTH), ...set(STORED), ...advance(OUT, constant(8))],
    ...[...get(PAIRS), ...constant(1), SUBTRACT, 0x22, PAIRS, ...AGAIN, END],
  ];
}

/** The module that `training/evaluate/nearest.ts` holds, in hexadecimal. */
export function compareKernel(): string {
  const whole = 4 + ASKED_ROWS - 1;
  const vectors = ASKED_ROWS * STORED_ROWS + 3;
  return wasmModule([{ name: 'c', parameters: 5, locals: [whole, vectors], code: compare() }]);
}
