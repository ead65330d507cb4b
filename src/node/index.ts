export {
  CURRENT_FILE,
  folderFiles,
  MAX_POINTER_BYTES,
  readArtifactFolder,
  resolveVersion,
} from './artifact-folder.ts';
export { type LoadOptions, loadRouter } from './load-router.ts';
export type { WatchOptions } from './watch-router.ts';
