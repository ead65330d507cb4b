import {
  ADD,
  AGAIN,
  constant,
  END,
  get,
  IS_LESS,
  LOOP,
  MULTIPLY,
  number,
  set,
  simd,
  wasmModule,
  ZERO,
} from '../fixtures/wasm-module.ts';

const LOAD_WHOLE = [0x28, 2, 0];
/** Eight bytes, as eight numbers of two bytes. */
const loadEightBytes = (offset: number) => simd(1, 3, ...number(offset));
const ADD_EIGHT = simd(142);
const store = (offset: number) => simd(11, 4, ...number(offset));

// Parameters: where ids begin and end, where the rows are, bytes of a row, where sums go, how many groups of 64 columns. Then what is used.
const [IDS, END_OF_IDS, ROWS, WIDTH, OUT, GROUPS, AT, ROW, SUM] = Array(9).keys();
const EIGHTS = [...Array(8).keys()];

const LOOPS = [
  ...LOOP, // groups of 64 columns
  ...[...ZERO, ...EIGHTS.slice(1).flatMap((k) => [0x22, SUM + k]), ...set(SUM)],
  ...[...get(IDS), ...set(AT)],
  ...LOOP, // ids
  ...[...get(ROWS), ...get(AT), ...LOAD_WHOLE, ...get(WIDTH), MULTIPLY, ADD, ...set(ROW)],
  ...EIGHTS.flatMap((k) => [
    ...get(ROW),
    ...loadEightBytes(8 * k),
    ...get(SUM + k),
    ...ADD_EIGHT,
    ...set(SUM + k),
  ]),
  ...[...get(AT), ...constant(4), ADD, ...set(AT)],
  ...[...get(AT), ...get(END_OF_IDS), IS_LESS, ...AGAIN, END],
  ...EIGHTS.flatMap((k) => [...get(OUT), ...get(SUM + k), ...store(16 * k)]),
  ...[...get(OUT), ...constant(128), ADD, ...set(OUT), ...get(ROWS), ...constant(64), ADD, ...set(ROWS)],
  ...[...get(GROUPS), ...constant(-1), ADD, 0x22, GROUPS, ...AGAIN, END],
];

/** `ROWS` of `src/simd.ts`, in hexadecimal. */
export function rowSumsKernel(): string {
  return wasmModule([{ name: 's', parameters: 6, locals: [2, 8], code: LOOPS }]);
}
