import type { Layer } from './math.ts';

/** What is done in WebAssembly where there is some: loaded apart. */
export interface Simd {
  readonly createSimdLayers: typeof createSimdLayers;
  readonly createRowSums: typeof createRowSums;
}

/**
 * Makes layers that give the same bits as `Dense`, whose even and odd sums are one vector here: two numbers at a time, in
 * WebAssembly. Kernels are kept in single precision, as artifacts have them.
 *
 * @param shapes of all weights that layers will be made of, `[inputs, outputs]` each; those of biases take no memory
 * @returns undefined where there is no WebAssembly, none with SIMD, or no leave to use it
 */
export function createSimdLayers(shapes: readonly (readonly number[])[]): MakeLayer | undefined {
  let [bytes, widest] = [0, 0];
  for (const [inputs = 0, outputs = 0] of shapes) {
    bytes += 4 * upTo(2, inputs) * upTo(4, outputs);
    widest = Math.max(widest, upTo(2, inputs), upTo(4, outputs));
  }
  // What a layer reads, what it gives, and then the weights of all.
  const half = 8 * widest;
  let free = 2 * half;
  const kernel = instance(LAYERS, bytes + free);
  if (kernel === undefined) return undefined;
  const { buffer } = kernel;
  const run = kernel.exports.d as Run;
  return (kernel, bias) => {
    const outputs = bias.length;
    const inputs = kernel.length / outputs;
    // Zeros fill up the last pair of inputs, and the last group of outputs.
    const [width, rows] = [upTo(2, inputs), upTo(4, outputs)];
    const place = free;
    free += 4 * rows * width;
    const weights = new Float32Array(buffer, place, rows * width);
    for (let i = 0; i < inputs; i++)
      for (let j = 0; j < outputs; j++) weights[j * width + i] = kernel[i * outputs + j];
    const input = new Float64Array(buffer, 0, width);
    const sums = new Float64Array(buffer, half, outputs);
    return {
      apply(x, out) {
        input[width - 1] = 0;
        input.set(x);
        run(0, place, width, rows / 4, half);
        for (let j = 0; j < outputs; j++) out[j] = sums[j] + bias[j];
      },
    };
  };
}

/**
 * @param kernel `[inputs, outputs]` row-major, of one of the shapes, each of which is for one layer
 * @param bias `[outputs]`
 */
export type MakeLayer = (kernel: Float32Array, bias: Float32Array) => Layer;

/** The loop of `Dense`, four outputs of a group at a time; all but the counts are places in bytes. */
type Run = (x: number, weights: number, inputs: number, groups: number, out: number) => void;

function upTo(multiple: number, count: number): number {
  return Math.ceil(count / multiple) * multiple;
}

/**
 * Sums rows of an int8 matrix exactly, 64 columns at a time, in a copy of the matrix.
 *
 * @param matrix `[rows, columns]`
 * @returns undefined where there is no WebAssembly, none with SIMD, or no leave to use it
 */
export function createRowSums(matrix: Int8Array, columns: number): RowSums | undefined {
  const groups = Math.ceil(columns / GROUP);
  const width = groups * GROUP;
  const rows = SUMS + 2 * width;
  const kernel = instance(ROWS, rows + (matrix.length / columns) * width);
  if (kernel === undefined) return undefined;
  const { buffer } = kernel;
  const run = kernel.exports.s as SumRows;
  const copy = new Int8Array(buffer, rows);
  for (let from = 0, to = 0; from < matrix.length; from += columns, to += width)
    copy.set(matrix.subarray(from, from + columns), to);
  const given = new Int32Array(buffer, IDS, MAX_ROWS);
  const sums = new Int16Array(buffer, SUMS, width);
  return (ids, out) => {
    out.fill(0);
    for (let from = 0; from < ids.length; from += MAX_ROWS) {
      const block = ids.subarray(from, from + MAX_ROWS);
      given.set(block);
      run(IDS, IDS + 4 * block.length, rows, width, SUMS, groups);
      for (let c = 0; c < columns; c++) out[c] += sums[c];
    }
  };
}

/** Writes the column sums of the rows named by `ids`, a repeated one counting each time, to `out`: `[columns]`. */
export type RowSums = (ids: Int32Array, out: Float32Array) => void;

/** Rows whose sums of a column fit into two bytes, whatever they hold: 255 · 128 < 2^15. */
const MAX_ROWS = 255;

/** Columns that are added in one go. */
const GROUP = 64;

/** Where ids are, and where sums are left, in bytes; the rows begin behind. */
const [IDS, SUMS] = [0, 4 * MAX_ROWS + 4];

type SumRows = (ids: number, end: number, rows: number, width: number, out: number, groups: number) => void;

/** A kernel with a memory of its own, all zeros; undefined where that cannot be. */
function instance(hexadecimal: string, bytes: number) {
  try {
    const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / 2 ** 16) });
    const code = Uint8Array.from(hexadecimal.match(/../g)!, (pair) => Number.parseInt(pair, 16));
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code), { m: { m: memory } });
    return { buffer: memory.buffer, exports };
  } catch {
    return undefined;
  }
}

/** WebAssembly in hexadecimal: `test/src/layers-kernel.ts` writes it, instruction by instruction. */
const LAYERS =
  '0061736d0100000001090160057f7f7f7f7f00020801016d016d02000103020100070501016400000ae30201e00202077f05' +
  '7b200241046c21052000200241086c6a210b03402000210620012107200720056a2108200820056a2109200920056a210afd' +
  '0c00000000000000000000000000000000210cfd0c00000000000000000000000000000000210dfd0c000000000000000000' +
  '00000000000000210efd0c00000000000000000000000000000000210f03402006fd0003002110200c20102007fd5d0200fd' +
  '5ffdf201fdf001210c200d20102008fd5d0200fd5ffdf201fdf001210d200e20102009fd5d0200fd5ffdf201fdf001210e20' +
  '0f2010200afd5d0200fd5ffdf201fdf001210f200641106a2106200741086a2107200841086a2108200941086a2109200a41' +
  '086a210a2006200b490d000b2004200cfd2100200cfd2101a03903002004200dfd2100200dfd2101a03903082004200efd21' +
  '00200efd2101a03903102004200ffd2100200ffd2101a0390318200441206a2104200a21012003417f6a22030d000b0b';

/** Written by `test/src/row-sums-kernel.ts`. */
const ROWS =
  '0061736d01000000010a0160067f7f7f7f7f7f00020801016d016d02000103020100070501017300000a9102018e020202' +
  '7f087b0340fd0c000000000000000000000000000000002209220a220b220c220d220e220f210820002106034020022006' +
  '28020020036c6a21072007fd0103002008fd8e0121082007fd0103082009fd8e0121092007fd010310200afd8e01210a20' +
  '07fd010318200bfd8e01210b2007fd010320200cfd8e01210c2007fd010328200dfd8e01210d2007fd010330200efd8e01' +
  '210e2007fd010338200ffd8e01210f200641046a210620062001490d000b20042008fd0b040020042009fd0b0410200420' +
  '0afd0b04202004200bfd0b04302004200cfd0b04402004200dfd0b04502004200efd0b04602004200ffd0b047020044180' +
  '016a2104200241c0006a21022005417f6a22050d000b0b';
