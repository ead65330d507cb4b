export { readArtifactFolder } from './artifact-folder.ts';
export { type LoadOptions, loadRouter, openDecisionLog } from './load-router.ts';
export type { WatchOptions } from './watch-router.ts';
