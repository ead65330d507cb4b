import type { Router, RouterOptions } from 'pointsman';
import { loadRouter, readArtifactFolder } from 'pointsman/node';

/**
 * Loads a router for the command line, with whatever embedder this package can make for it.
 * @throws PointsmanError
 */
export async function openRouter(folder: string, options: RouterOptions = {}): Promise<Router> {
  const { manifest } = await readArtifactFolder(folder);
  if (manifest.embedder.kind !== 'use') return loadRouter(folder, options);
  // It runs on TF.js, which takes a while to load, and which `pointsman` does without.
  const { loadUseEmbedder } = await import('../embedder/index.ts');
  return loadRouter(folder, { ...options, embedder: await loadUseEmbedder() });
}
