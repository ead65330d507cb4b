import type { PolicySpec, Router, RouterOptions } from 'pointsman';
import { loadRouter, readArtifactFolder } from 'pointsman/node';
import { withoutRouters } from '../pipeline/without-routers.ts';

/**
 * Loads a router for the command line, with whatever embedder this package can make for it. Where its policy hands over
 * to another router, which the command line does not know, it goes on by its own success probabilities.
 * @throws PointsmanError
 */
export async function openRouter(folder: string, options: RouterOptions = {}): Promise<Router> {
  const { manifest } = await readArtifactFolder(folder);
  const own = withoutRouters(manifest.policy);
  const policy =
    own.routers.length === 0 || options.routers !== undefined ? {} : { policy: own.policy as PolicySpec };
  const more = { ...policy, ...options };
  if (manifest.embedder.kind !== 'use') return loadRouter(folder, more);
  // It runs on TF.js, which takes a while to load, and which `pointsman` does without.
  const { loadUseEmbedder } = await import('../embed/use-embedder.ts');
  return loadRouter(folder, { ...more, embedder: await loadUseEmbedder() });
}
