import type { CompileExpression } from '../policy/expression.ts';
import { createRouter } from '../router/create-router.ts';
import type { Router } from '../router/router.ts';
import type { RouterOptions } from '../router/router-options.ts';
import { hasRules } from './has-rules.ts';
import { openEmbedder } from './open-embedder.ts';
import { readArtifactFolder } from './read-artifact-folder.ts';

/**
 * Loads a router from its folder: `models/<name>`, whose `current.json` names the version in use, or the folder
 * of one version. What is loaded is what was checked; the files are read once.
 *
 * The embedder is the static one that the artifact carries, or is made as the manifest says (`transformers`; `openai`
 * with the key in `OPENAI_API_KEY`). Routers trained with `use` or an embedder of your own need it in `embedder`.
 *
 * @throws ArtifactError saying what is wrong with the artifact; InvalidInputError when an option does not fit it.
 * @example
 * const router = await loadRouter('models/support');
 * const decision = await router.route({ text: 'Translate this to French: good morning' });
 */
export async function loadRouter(folder: string, options: RouterOptions = {}): Promise<Router> {
  const artifact = await readArtifactFolder(folder);
  const embedder = options.embedder ?? (await openEmbedder(artifact.manifest.embedder, process.env));
  const compile = options.compile ?? (await compilerFor(options.policy ?? artifact.manifest.policy));
  return createRouter(artifact, {
    ...options,
    ...(embedder === undefined ? {} : { embedder }),
    ...(compile === undefined ? {} : { compile }),
  });
}

/** Expressions take code to read, which is loaded when there are some. */
async function compilerFor(policy: unknown): Promise<CompileExpression | undefined> {
  if (!hasRules(policy)) return undefined;
  const { compileCel } = await import('../cel/index.ts');
  return compileCel;
}
