import type { Manifest } from '../artifact/manifest.ts';
import type { Embedder } from '../embedder/embedder.ts';
import { isBasicKind } from '../policy/basic-policy.ts';
import { createRouter } from '../router/create-router.ts';
import type { Router } from '../router/router.ts';
import type { RouterOptions } from '../router/router-options.ts';
import type { LoadOptions } from './load-options.ts';
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
 * const router = await loadRouter('models/support', { log: 'logs/decisions', watch: true });
 * const decision = await router.route({ text: 'Translate this to French: good morning' });
 */
export async function loadRouter(folder: string, options: LoadOptions = {}): Promise<Router> {
  const { log: given, watch = false, ...rest } = options;
  const log =
    typeof given === 'string' ? (await import('./log/open-decision-log.ts')).openDecisionLog(given) : given;
  const routerOptions = log === undefined ? rest : { ...rest, log };
  const router =
    watch === false
      ? await loadVersion(folder, routerOptions)
      : await (await import('./watch-router.ts')).watchRouter(
          folder,
          (version) => loadVersion(version, routerOptions),
          watch === true ? {} : watch,
        );
  if (typeof given !== 'string') return router;
  const { close } = router;
  return Object.assign(router, {
    async close() {
      await close();
      // Nobody else knows of this log.
      await log?.close();
    },
  });
}

async function loadVersion(folder: string, options: RouterOptions): Promise<Router> {
  const artifact = await readArtifactFolder(folder);
  const embedder = options.embedder ?? (await embedderOf(artifact.manifest.embedder));
  return createRouter(artifact, {
    ...(await loadKinds(policyKinds(options.policy ?? artifact.manifest.policy))),
    ...options,
    ...(embedder === undefined ? {} : { embedder }),
  });
}

/** Made of its name alone; the static one comes along with the artifact. */
async function embedderOf(embedder: Manifest['embedder']): Promise<Embedder | undefined> {
  if (embedder.kind !== 'transformers' && embedder.kind !== 'openai') return undefined;
  return (await import('./open-embedder.ts')).openEmbedder(embedder, process.env);
}

/** Code that not every policy needs, loaded when this one does. */
async function loadKinds(kinds: readonly string[]): Promise<Pick<RouterOptions, 'policies' | 'compile'>> {
  if (kinds.every(isBasicKind)) return {};
  const { policies } = await import('../policy/policies.ts');
  if (!kinds.includes('rules')) return { policies };
  const { compileCel } = await import('../policy/cel.ts');
  return { policies, compile: compileCel };
}
