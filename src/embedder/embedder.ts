import type * as v from 'valibot';
import { ArtifactError, InvalidInputError } from '../errors.ts';
import { object, validate } from '../validate.ts';

/** Turns texts into vectors. Batched, since most implementations are faster that way. */
export interface Embedder {
  /** Names the weights and settings: two embedders with the same id give the same vectors. */
  readonly id: string;
  /** Length of each vector. */
  readonly dimensions: number;
  /**
   * @param texts any Unicode; an empty text gives the zero vector.
   * @returns one vector a text, each `[dimensions]`, in order.
   */
  embed(texts: readonly string[]): Promise<Float32Array[]>;
}

/** An embedder that needs no waiting: a table look-up rather than a network. */
export interface SyncEmbedder extends Embedder {
  /** Writes the vector of `text` to `out` (`[dimensions]`). Never throws on content. */
  embedInto(text: string, out: Float32Array): void;
}

/**
 * Gives empty texts the zero vector, which models do not, and the others to `embed` in batches.
 *
 * @param embed one vector a text, in order.
 */
export async function embedNonEmpty(
  texts: readonly string[],
  dimensions: number,
  batchSize: number,
  embed: (batch: readonly string[]) => Promise<Float32Array[]>,
): Promise<Float32Array[]> {
  const vectors: Float32Array[] = texts.map(() => new Float32Array(dimensions));
  const filled = texts.flatMap((text, i) => (text.trim() === '' ? [] : [i]));
  for (let from = 0; from < filled.length; from += batchSize) {
    const batch = filled.slice(from, from + batchSize);
    const found = await embed(batch.map((i) => texts[i]));
    batch.forEach((i, k) => {
      vectors[i] = found[k];
    });
  }
  return vectors;
}

/** What a manifest says of an embedder that is to be made again. */
export interface EmbedderToOpen {
  readonly id: string;
  readonly dimensions: number;
  /** What an implementation needs to be made again (model name, folder); never a secret. */
  readonly options: Readonly<Record<string, string | number | boolean>>;
}

/** Environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** @throws ArtifactError naming the option that is not as its embedder needs it. */
export function checkedOptions<T>(
  schema: v.GenericSchema<unknown, T>,
  { options }: Pick<EmbedderToOpen, 'options'>,
): T {
  try {
    const whole = object({ embedder: object({ options: schema }) });
    return validate(whole, { embedder: { options } }, 'manifest.json').embedder.options;
  } catch (cause) {
    if (!(cause instanceof InvalidInputError)) throw cause;
    throw new ArtifactError(cause.message, { cause });
  }
}
