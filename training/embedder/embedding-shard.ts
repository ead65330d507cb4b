import { createHash } from 'node:crypto';
import {
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float32,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableFromIPC,
  tableToIPC,
} from 'apache-arrow';

/** Bytes of a key: SHA-256. */
export const KEY_BYTES = 32;

/** Some texts' vectors, by the hash of the text. */
export interface EmbeddingShard {
  /** `[rows, 32]` */
  readonly keys: Uint8Array;
  /** `[rows, dimensions]` */
  readonly vectors: Float32Array;
}

/** An Arrow IPC file of two columns: `key` (fixed-size binary) and `vector` (fixed-size list of float32). */
export function encodeEmbeddingShard({ keys, vectors }: EmbeddingShard): Uint8Array {
  const rows = keys.length / KEY_BYTES;
  const keyType = new FixedSizeBinary(KEY_BYTES);
  const vectorType = new FixedSizeList(vectors.length / rows, new Field('item', new Float32(), false));
  const schema = new Schema([new Field('key', keyType, false), new Field('vector', vectorType, false)]);
  const children = [
    makeData({ type: keyType, length: rows, data: keys }),
    makeData({
      type: vectorType,
      length: rows,
      child: makeData({ type: new Float32(), length: vectors.length, data: vectors }),
    }),
  ];
  const struct = makeData({ type: new Struct(schema.fields), length: rows, children });
  return tableToIPC(new Table([new RecordBatch(schema, struct)]), 'file');
}

export function decodeEmbeddingShard(bytes: Uint8Array): EmbeddingShard {
  const [batch] = tableFromIPC(bytes).batches;
  const [keys, vectors] = batch.data.children;
  return { keys: keys.values as Uint8Array, vectors: vectors.children[0].values as Float32Array };
}

/** The name says what is inside, so that a torn or edited file shows, and two writers never collide. */
export function shardName(bytes: Uint8Array): string {
  return `${createHash('sha256').update(bytes).digest('hex').slice(0, 32)}.arrow`;
}
