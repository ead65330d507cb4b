import type { Layer } from '../math.ts';

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
  let buffer: ArrayBuffer;
  let run: Run;
  try {
    const memory = new WebAssembly.Memory({ initial: Math.ceil((bytes + free) / 2 ** 16) });
    const code = Uint8Array.from(KERNEL.match(/../g)!, (pair) => Number.parseInt(pair, 16));
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code), { m: { m: memory } });
    buffer = memory.buffer;
    run = exports.d as Run;
  } catch {
    return undefined;
  }
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

/** WebAssembly in hexadecimal: `test/src/head/simd-kernel.ts` writes it, instruction by instruction. */
const KERNEL =
  '0061736d0100000001090160057f7f7f7f7f00020801016d016d02000103020100070501016400000ae30201e00202077f05' +
  '7b200241046c21052000200241086c6a210b03402000210620012107200720056a2108200820056a2109200920056a210afd' +
  '0c00000000000000000000000000000000210cfd0c00000000000000000000000000000000210dfd0c000000000000000000' +
  '00000000000000210efd0c00000000000000000000000000000000210f03402006fd0003002110200c20102007fd5d0200fd' +
  '5ffdf201fdf001210c200d20102008fd5d0200fd5ffdf201fdf001210d200e20102009fd5d0200fd5ffdf201fdf001210e20' +
  '0f2010200afd5d0200fd5ffdf201fdf001210f200641106a2106200741086a2107200841086a2108200941086a2109200a41' +
  '086a210a2006200b490d000b2004200cfd2100200cfd2101a03903002004200dfd2100200dfd2101a03903082004200efd21' +
  '00200efd2101a03903102004200ffd2100200ffd2101a0390318200441206a2104200a21012003417f6a22030d000b0b';
