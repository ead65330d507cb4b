import type { Manifest } from '../artifact/manifest.ts';
import type { Embedder } from '../embedder/embedder.ts';
import { createOpenAiEmbedder } from '../embedder/openai.ts';
import { loadTransformersEmbedder } from '../embedder/transformers.ts';
import { ArtifactError, InvalidInputError } from '../errors.ts';
import type { DecisionLog } from '../log/record.ts';
import { isBasicKind } from '../policy/kinds/create-policy.ts';
import { createRouter } from '../router/create-router.ts';
import type { Router, RouterOptions } from '../router/router.ts';
import { readArtifactFolder } from './artifact-folder.ts';
import type { WatchOptions } from './watch-router.ts';

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
  const log = typeof given === 'string' ? (await import('./file-sink.ts')).openDecisionLog(given) : given;
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
  return openEmbedder(embedder, process.env);
}

/** Code that not every policy needs, loaded when this one does. */
async function loadKinds(kinds: readonly string[]): Promise<Pick<RouterOptions, 'policies' | 'compile'>> {
  if (kinds.every(isBasicKind)) return {};
  const { policies } = await import('../policy/kinds/create-policy.ts');
  if (!kinds.includes('rules')) return { policies };
  const { compileCel } = await import('../policy/cel.ts');
  return { policies, compile: compileCel };
}

export interface LoadOptions extends Omit<RouterOptions, 'log'> {
  /**
   * Takes down every decision: a log, or the folder that one is to be kept in, which `router.close()` closes.
   * @default none
   */
  readonly log?: DecisionLog | string;
  /** Whether to go over to another version as soon as `current.json` names it. @default false */
  readonly watch?: boolean | WatchOptions;
}

/** The kinds of a policy, not yet checked, and of all inside it. Kinds of other things in it may be among them. */
function policyKinds(policy: unknown): string[] {
  if (policy === null || typeof policy !== 'object') return [];
  const own = 'kind' in policy && typeof policy.kind === 'string' ? [policy.kind] : [];
  return [...own, ...Object.values(policy).flatMap(policyKinds)];
}

const OPENAI_URL = 'https://api.openai.com/v1';

/**
 * The embedder that a manifest names, where it can be made from its name alone: `transformers`, and `openai` with
 * the key in `OPENAI_API_KEY`. Prompts and key go to another address than OpenAI's only when `OPENAI_BASE_URL` says
 * so too: an artifact alone must not decide where they are sent.
 *
 * @returns undefined for the kinds that the artifact carries or the caller must pass.
 */
async function openEmbedder(
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
