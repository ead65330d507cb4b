import type { Manifest } from '../artifact/manifest.ts';
import type { Embedder } from '../embedder/embedder.ts';
import { createOpenAiEmbedder } from '../embedder/openai.ts';
import { loadTransformersEmbedder } from '../embedder/transformers.ts';
import { ArtifactError } from '../errors/artifact-error.ts';
import { InvalidInputError } from '../errors/invalid-input-error.ts';

const OPENAI_URL = 'https://api.openai.com/v1';

/**
 * The embedder that a manifest names, where it can be made from its name alone: `transformers`, and `openai` with
 * the key in `OPENAI_API_KEY`. Prompts and key go to another address than OpenAI's only when `OPENAI_BASE_URL` says
 * so too: an artifact alone must not decide where they are sent.
 *
 * @returns undefined for the kinds that the artifact carries or the caller must pass.
 */
export async function openEmbedder(
  { kind, id, dimensions, options }: Manifest['embedder'],
  env: Readonly<Record<string, string | undefined>>,
): Promise<Embedder | undefined> {
  if (kind === 'transformers') {
    const { model, dtype, revision } = options;
    return loadTransformersEmbedder({
      model: text('model', model),
      ...(dtype === undefined ? {} : { dtype: text('dtype', dtype) }),
      ...(revision === undefined ? {} : { revision: text('revision', revision) }),
      localOnly: options.localOnly === true,
    });
  }
  if (kind !== 'openai') return undefined;
  const baseUrl = text('baseUrl', options.baseUrl ?? OPENAI_URL).replace(/\/+$/, '');
  if (baseUrl !== OPENAI_URL && baseUrl !== env.OPENAI_BASE_URL?.replace(/\/+$/, '')) {
    throw new InvalidInputError(
      `The router was trained with the embedder "${id}", whose address is ${baseUrl}. Set OPENAI_BASE_URL to that ` +
        'address if prompts may be sent there, or pass { embedder: createOpenAiEmbedder({ ... }) }.',
    );
  }
  return createOpenAiEmbedder({
    model: text('model', options.model),
    dimensions,
    baseUrl,
    shorten: options.shorten === true,
    // Endpoints of one's own often ask for none.
    ...(baseUrl !== OPENAI_URL && env.OPENAI_API_KEY === undefined
      ? {}
      : { apiKey: () => env.OPENAI_API_KEY }),
  });
}

function text(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw new ArtifactError(
    `\`embedder.options.${name}\` of manifest.json must be text. Got ${JSON.stringify(value) ?? 'nothing'}.`,
  );
}
