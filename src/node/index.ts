/**
 * Routers from folders, and decision logs in files: what needs Node.
 */
export { readArtifactFolder } from './artifact-folder.ts';
export { type LoadOptions, loadRouter, openDecisionLog } from './load-router.ts';
export type { WatchOptions } from './watch-router.ts';
