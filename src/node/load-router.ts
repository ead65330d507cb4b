import { isBasicKind } from '../policy/basic-policy.ts';
import { createRouter } from '../router/create-router.ts';
import type { Router } from '../router/router.ts';
import type { RouterOptions } from '../router/router-options.ts';
import { openEmbedder } from './open-embedder.ts';
import { policyKinds } from './policy-kinds.ts';
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
  return createRouter(artifact, {
    ...(await loadKinds(policyKinds(options.policy ?? artifact.manifest.policy))),
    ...options,
    ...(embedder === undefined ? {} : { embedder }),
  });
}

/** Code that not every policy needs, loaded when this one does. */
async function loadKinds(kinds: readonly string[]): Promise<Pick<RouterOptions, 'policies' | 'compile'>> {
  if (kinds.every(isBasicKind)) return {};
  const { policies } = await import('../policy/index.ts');
  if (!kinds.includes('rules')) return { policies };
  const { compileCel } = await import('../cel/index.ts');
  return { policies, compile: compileCel };
}
