import { createRouter, type RouterOptions } from '../router/create-router.ts';
import type { Router } from '../router/router.ts';
import { readArtifactFolder } from './read-artifact-folder.ts';

/**
 * Loads a router from its folder: `models/<name>`, whose `current.json` names the version in use, or the folder
 * of one version. What is loaded is what was checked; the files are read once.
 *
 * @throws ArtifactError saying what is wrong with the artifact; InvalidInputError when an option does not fit it.
 * @example
 * const router = await loadRouter('models/support');
 * const decision = await router.route({ text: 'Translate this to French: good morning' });
 */
export async function loadRouter(folder: string, options: RouterOptions = {}): Promise<Router> {
  return createRouter(await readArtifactFolder(folder), options);
}
