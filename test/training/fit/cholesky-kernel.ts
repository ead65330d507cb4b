import {
  ADD,
  AGAIN,
  constant,
  DIVIDE_DOUBLES,
  END,
  get,
  IF,
  IS_LESS,
  LOAD_TWO_DOUBLES,
  LOOP,
  loadDouble,
  MINUS,
  MULTIPLY,
  OVER,
  PLUS,
  SUBTRACT,
  SUBTRACT_DOUBLES,
  set,
  simd,
  storeDouble,
  TIMES,
  wasmModule,
  ZERO,
} from '../../fixtures/wasm-module.ts';

const AND = 0x71;
const LOAD_ONE_DOUBLE = simd(93, 3, 0);
const LOAD_DOUBLE_TWICE = simd(10, 3, 0);
const storeTwoDoubles = (offset: number) => simd(11, 3, offset);
const loadTwoDoubles = (offset: number) => simd(0, 3, offset);
const plus = (a: number, b: number) => [...get(a), ...get(b), ADD];
const advance = (local: number, by: readonly number[]) => [...get(local), ...by, ADD, ...set(local)];
const againWhileLess = (a: number, b: number) => [...get(a), ...get(b), IS_LESS, ...AGAIN];
const range = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i);

/** Rows that are worked on together: their sums wait for their last step, and enough of them keep a processor busy. */
const ROWS = 8;

/** Columns before the rows' own, of rows `from` to `from + 7`; sums over even and odd positions are the two numbers of a vector. */
function factor(): number[] {
  // Parameters: bytes of a row, place of the first row, byte of its own column. The matrix begins at 0.
  const [STRIDE, FIRST, STOP, B, J, K, PAIRS] = range(7);
  const rows = range(ROWS, 7);
  const sums = range(ROWS, 7 + ROWS);
  const OTHER = 7 + 2 * ROWS;
  const addProducts = (load: readonly number[]) => [
    ...[...plus(B, K), ...load, ...set(OTHER)],
    ...rows.flatMap((row, r) => [
      ...[...get(sums[r]), ...plus(row, K), ...load, ...get(OTHER), ...TIMES, ...PLUS, ...set(sums[r])],
    ]),
  ];
  return [
    ...[...get(FIRST), ...set(rows[0])],
    ...rows.slice(1).flatMap((row) => [...plus(row - 1, STRIDE), ...set(row)]),
    ...LOOP, // columns
    ...sums.flatMap((sum) => [...ZERO, ...set(sum)]),
    ...[...constant(0), ...set(K), ...get(J), ...constant(-16), AND, ...set(PAIRS)],
    ...[...get(PAIRS), ...IF, ...LOOP, ...addProducts(LOAD_TWO_DOUBLES), ...advance(K, constant(16))],
    ...[...againWhileLess(K, PAIRS), END, END],
    ...[...get(J), ...constant(8), AND, ...IF, ...addProducts(LOAD_ONE_DOUBLE), END],
    ...rows.flatMap((row, r) => [
      ...[...plus(row, J), ...plus(row, J), ...loadDouble(0)],
      ...[
        ...get(sums[r]),
        ...simd(33, 0),
        SUBTRACT_DOUBLES,
        ...get(sums[r]),
        ...simd(33, 1),
        SUBTRACT_DOUBLES,
      ],
      ...[...plus(B, J), ...loadDouble(0), DIVIDE_DOUBLES, ...storeDouble(0)],
    ]),
    ...[...advance(B, get(STRIDE)), ...advance(J, constant(8)), ...againWhileLess(J, STOP), END],
  ];
}

/** Solves L Lᵀ X = B in place, for B of so many vectors of two columns. */
function solve(vectors: number): number[] {
  // Parameters: bytes of a row of L, which begins at 0, and the place of B.
  const [STRIDE, X, ROW, AT, I, K, TO] = range(7);
  const own = range(vectors, 7);
  const FACTOR = 7 + vectors;
  const width = [...constant(16), ...constant(vectors), MULTIPLY];
  const each = (code: (vector: number, v: number) => readonly number[]) => own.flatMap(code);
  const factorAt = (place: number) => [...plus(ROW, place), ...LOAD_DOUBLE_TWICE, ...set(FACTOR)];
  const stepsBefore = (code: readonly number[]) => [
    ...[...constant(0), ...set(K), ...get(X), ...set(TO)],
    ...[...get(I), ...IF, ...LOOP, ...factorAt(K), ...code],
    ...[...advance(TO, width), ...advance(K, constant(8)), ...againWhileLess(K, I), END, END],
  ];
  const divide = [
    ...factorAt(I),
    ...each((vector, v) => [
      ...[...get(AT), ...get(vector), ...get(FACTOR), ...OVER, 0x22, vector, ...storeTwoDoubles(16 * v)],
    ]),
  ];
  const loadOwn = each((vector, v) => [...get(AT), ...loadTwoDoubles(16 * v), ...set(vector)]);
  return [
    ...[...get(X), ...set(AT)],
    ...LOOP, // down
    ...loadOwn,
    ...stepsBefore(
      each((vector, v) => [
        ...[
          ...get(vector),
          ...get(FACTOR),
          ...get(TO),
          ...loadTwoDoubles(16 * v),
          ...TIMES,
          ...MINUS,
          ...set(vector),
        ],
      ]),
    ),
    ...divide,
    ...[...advance(ROW, get(STRIDE)), ...advance(AT, width), ...advance(I, constant(8))],
    ...[...againWhileLess(I, STRIDE), END],
    ...LOOP, // up, by rows of L, so that memory is read in order
    ...[...get(ROW), ...get(STRIDE), SUBTRACT, ...set(ROW), ...get(AT), ...width, SUBTRACT, ...set(AT)],
    ...[...advance(I, constant(-8)), ...loadOwn, ...divide],
    ...stepsBefore(
      each((vector, v) => [
        ...[
          ...get(TO),
          ...get(TO),
          ...loadTwoDoubles(16 * v),
          ...get(FACTOR),
          ...get(vector),
          ...TIMES,
          ...MINUS,
        ],
        ...storeTwoDoubles(16 * v),
      ]),
    ),
    ...[...get(I), ...AGAIN, END],
  ];
}

/** The module that `training/fit/curvature.ts` holds, in hexadecimal. */
export function choleskyKernel(): string {
  return wasmModule([
    { name: 'f', parameters: 3, locals: [4 + ROWS, ROWS + 1], code: factor() },
    { name: 's1', parameters: 2, locals: [5, 2], code: solve(1) },
    { name: 's2', parameters: 2, locals: [5, 3], code: solve(2) },
    { name: 's4', parameters: 2, locals: [5, 5], code: solve(4) },
  ]);
}
