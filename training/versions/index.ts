export { listVersions, type VersionEntry, versionFolders } from './list-versions.ts';
export { pruneVersions } from './prune-versions.ts';
export { withRetrainLock } from './retrain-lock.ts';
export { type RolledBack, rollBack } from './roll-back.ts';
export { RouterBusyError } from './router-busy-error.ts';
