export { folderFiles } from './artifact-folder.ts';
export type { LoadOptions } from './load-options.ts';
export { loadRouter } from './load-router.ts';
export { readArtifactFolder } from './read-artifact-folder.ts';
export { CURRENT_FILE, MAX_POINTER_BYTES, resolveVersion } from './resolve-version.ts';
export type { WatchOptions } from './watch-options.ts';
