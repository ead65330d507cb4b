export { folderFiles } from './folder-files.ts';
export { loadRouter } from './load-router.ts';
export { readArtifactFolder } from './read-artifact-folder.ts';
export { CURRENT_FILE, resolveVersion } from './resolve-version.ts';
