/**
 * The smallest router: `createRouter` and `readArtifact` as in `pointsman`, without the policies that few routers need. It knows
 * the kinds `utility` and `classifier`; types are those of `pointsman`.
 */
import type { Artifact } from './artifact/read-artifact.ts';
import { createBasicPolicy } from './policy/kinds/create-policy.ts';
import { assembleRouter } from './router/create-router.ts';
import type { Router, RouterOptions } from './router/router.ts';

export { memoryFiles, readArtifactFiles as readArtifact } from './artifact/read-artifact.ts';

/**
 * Makes a router of an artifact whose policy is of the kind `utility` or `classifier`.
 *
 * @throws ArtifactError when its parts do not fit together, or its policy is of another kind.
 * @throws InvalidInputError when an option does not fit the artifact.
 * @example
 * import { createRouter, memoryFiles, readArtifact } from 'pointsman/tiny';
 * const router = createRouter(await readArtifact(memoryFiles(files)));
 */
export function createRouter(artifact: Artifact, options: RouterOptions = {}): Router {
  return assembleRouter(artifact, options, { create: createBasicPolicy });
}
