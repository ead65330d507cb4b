import { createRouter, type Router } from 'pointsman';
import { loadRouter, readArtifactFolder } from 'pointsman/node';

/**
 * Loads a router for the command line, with whatever embedder this package can make for it.
 * @throws PointsmanError
 */
export async function openRouter(folder: string): Promise<Router> {
  const artifact = await readArtifactFolder(folder);
  const { kind } = artifact.manifest.embedder;
  if (kind === 'static') return createRouter(artifact);
  if (kind !== 'use') return loadRouter(folder);
  // It runs on TF.js, which takes a while to load, and which `pointsman` does without.
  const { loadUseEmbedder } = await import('../embedder/index.ts');
  return createRouter(artifact, { embedder: await loadUseEmbedder() });
}
