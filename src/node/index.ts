/**
 * Routers from folders, and decision logs in files: what needs Node.
 */
export { type LoadOptions, loadRouter, openDecisionLog, readArtifactFolder } from './load-router.ts';
export type { WatchOptions } from './watch-router.ts';
