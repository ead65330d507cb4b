import { InvalidInputError } from 'pointsman';
import type { Embedder } from 'pointsman/embedder';
import { readPrompt } from 'pointsman/request';
import { type EmbedAllOptions, embedAll } from '../embedder/embed-all.ts';
import type { Matrix } from '../head/matrix.ts';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';

/** Whether words of some prompts are not kept, so that nothing but embeddings can be learned from. */
export function areHashed({ prompts }: Pick<OutcomeMatrix, 'prompts'>): boolean {
  return prompts.some(({ promptHash, embedding }) => promptHash !== undefined || embedding !== undefined);
}

/**
 * The embedding of every prompt: the one that the table keeps, where it keeps no words, else the embedder's.
 * @returns `[prompts, dimensions]`
 * @throws InvalidInputError when a kept embedding is missing, or is of another length.
 */
export async function embedPrompts(
  { prompts }: Pick<OutcomeMatrix, 'prompts'>,
  embedder: Embedder,
  options: EmbedAllOptions = {},
): Promise<Matrix> {
  const { dimensions } = embedder;
  const texts = prompts.map(({ request }) => readPrompt(request).text);
  const worded = prompts.flatMap(({ promptHash, embedding }, row) =>
    promptHash === undefined && embedding === undefined ? [row] : [],
  );
  const made = await embedAll(
    embedder,
    worded.map((row) => texts[row]),
    options,
  );
  if (worded.length === prompts.length) return { rows: prompts.length, columns: dimensions, values: made };
  const values = new Float32Array(prompts.length * dimensions);
  worded.forEach((row, i) => {
    values.set(made.subarray(i * dimensions, (i + 1) * dimensions), row * dimensions);
  });
  for (const [row, { embedding, promptHash, requestId }] of prompts.entries()) {
    if (embedding?.length === dimensions) values.set(embedding, row * dimensions);
    else if (embedding !== undefined || promptHash !== undefined) {
      throw new InvalidInputError(
        `The prompt of request "${requestId}" is kept as ${embedding === undefined ? 'a hash without an embedding' : `an embedding of ${embedding.length} numbers`}, ` +
          `and the embedder "${embedder.id}" gives ${dimensions}. Train with the embedder that the prompts were kept with (--embedder), or log embeddings too.`,
      );
    }
  }
  return { rows: prompts.length, columns: dimensions, values };
}

/** The embeddings that the table keeps, `[prompts, dimensions]`; null unless each prompt has one, all of one length. */
export function keptEmbeddings({ prompts }: Pick<OutcomeMatrix, 'prompts'>): Matrix | null {
  const columns = prompts[0]?.embedding?.length ?? 0;
  if (columns === 0 || prompts.some(({ embedding }) => embedding?.length !== columns)) return null;
  const values = new Float32Array(prompts.length * columns);
  for (const [row, { embedding = [] }] of prompts.entries()) values.set(embedding, row * columns);
  return { rows: prompts.length, columns, values };
}
