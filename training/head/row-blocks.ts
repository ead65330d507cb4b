import type { TensorFlow } from '../fit/backend.ts';
import type { Matrix } from './matrix.ts';

type Tensor2D = ReturnType<TensorFlow['tensor2d']>;

/** Rows of features as tensors. */
interface RowBlocks {
  /** Calls `visit` with each block `[rows, columns]` and the index of its first row. */
  forEach(visit: (block: Tensor2D, start: number) => void): void;
  dispose(): void;
}

/** Small enough for its logits to stay in a core's cache, large enough for calls not to count. */
const rowsInBlock = 25_000;

/** WASM memory ends at 4 GB, and TF.js keeps a packed copy of what it multiplies by; beyond this, blocks come and go. */
const residentBytes = 1.2e9;

/** Puts the rows on the backend once; where they are too many, block by block at every visit. */
export function createRowBlocks(tf: TensorFlow, matrix: Matrix): RowBlocks {
  const { rows, columns, values } = matrix;
  const resident = values.byteLength <= residentBytes;
  const starts = Array.from({ length: Math.ceil(rows / rowsInBlock) }, (_, i) => i * rowsInBlock);
  const make = (start: number): Tensor2D => {
    const end = Math.min(rows, start + rowsInBlock);
    return tf.tensor2d(values.subarray(start * columns, end * columns), [end - start, columns]);
  };
  const kept = resident ? starts.map(make) : [];
  return {
    forEach(visit) {
      starts.forEach((start, i) => {
        const block = resident ? kept[i] : make(start);
        visit(block, start);
        if (!resident) block.dispose();
      });
    },
    dispose() {
      for (const block of kept) block.dispose();
    },
  };
}
