import { embedderSource } from '../embedder/embedders.ts';
import type { DecisionLog } from '../log/record.ts';
import { hasExpressions, needsAnswers } from '../policy/kinds/create-policy.ts';
import { createRouter, loadCel } from '../router/full-router.ts';
import type { Router, RouterOptions } from '../router/router.ts';
import { readArtifactFolder, resolveVersion } from './artifact-folder.ts';
import type { FileLogOptions } from './file-sink.ts';
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
  const log = typeof given === 'string' ? await openDecisionLog(given) : given;
  const routerOptions = log === undefined ? rest : { ...rest, log };
  const router =
    watch === false
      ? await loadVersion(folder, routerOptions)
      : await (await import('./watch-router.ts')).watchRouter(
          folder,
          resolveVersion,
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

/**
 * A decision log in a folder of files, for one router or several.
 *
 * @param folder made when it is not there. Several processes may write to one folder.
 * @example
 * const log = await openDecisionLog('logs/decisions', { content: 'hash' });
 * const router = await loadRouter('models/support', { log });
 */
export async function openDecisionLog(folder: string, options?: FileLogOptions): Promise<DecisionLog> {
  return (await import('./file-sink.ts')).createFileLog(folder, options);
}

async function loadVersion(folder: string, options: RouterOptions): Promise<Router> {
  const artifact = await readArtifactFolder(folder);
  const { files, policy } = artifact.manifest;
  // What is missing or damaged is found now, and not at the first answer.
  if (needsAnswers(options.policy ?? policy))
    await Promise.all(files.map(({ path }) => artifact.load?.(path)));
  const named = artifact.manifest.embedder;
  const embedder = options.embedder ?? (await embedderSource(named.kind).open?.(named, process.env));
  return createRouter(artifact, {
    ...(hasExpressions(options.policy) ? { compile: await loadCel() } : {}),
    ...options,
    ...(embedder === undefined ? {} : { embedder }),
  });
}

/** How `loadRouter` makes a router, and whether it follows new versions. */
export interface LoadOptions extends Omit<RouterOptions, 'log'> {
  /**
   * Takes down every decision: a log, or the folder that one is to be kept in, which `router.close()` closes.
   * @default none
   */
  readonly log?: DecisionLog | string;
  /** Whether to go over to another version as soon as `current.json` names it. @default false */
  readonly watch?: boolean | WatchOptions;
}
