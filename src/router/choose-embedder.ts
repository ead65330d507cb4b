import type { Artifact } from '../artifact/artifact.ts';
import type { Embedder } from '../embedder/embedder.ts';
import { StaticEmbedder } from '../embedder/static/static-embedder.ts';
import { decodeStaticTable } from '../embedder/static.ts';
import { ArtifactError } from '../errors/artifact-error.ts';
import { InvalidInputError } from '../errors/invalid-input-error.ts';

/**
 * The embedder that an artifact was trained with: the given one, or the static one that it carries.
 *
 * @throws InvalidInputError when there is none, or the given one is another than it was trained with.
 */
export function chooseEmbedder(artifact: Artifact, given: Embedder | undefined): Embedder {
  const { id, kind, dimensions, table } = artifact.manifest.embedder;
  if (given !== undefined) {
    if (given.id === id && given.dimensions === dimensions) return given;
    throw new InvalidInputError(
      `\`embedder\` of router must be the one it was trained with, "${id}" of ${dimensions} dimensions. ` +
        `Got "${given.id}" of ${given.dimensions}. Pass that one, or train again with yours.`,
    );
  }
  if (table === undefined) {
    throw new InvalidInputError(
      `\`embedder\` of router must be given: it was trained with the ${kind} embedder "${id}", which the artifact ` +
        'does not carry. Make that embedder and pass it as { embedder }.',
    );
  }
  const embedder = new StaticEmbedder(decodeStaticTable(artifact.file(table)));
  if (embedder.id === id && embedder.dimensions === dimensions) return embedder;
  throw new ArtifactError(
    `${table} must hold the embedder "${id}" of ${dimensions} dimensions. Got "${embedder.id}" of ` +
      `${embedder.dimensions}. Export the artifact again.`,
  );
}
