export { fileError } from './file-error.ts';
export { LockHeldError, lockFile } from './file-lock.ts';
export { defaultMemoryMb, MemoryLimitError, memoryMb, scratchError } from './memory-limit.ts';
export { workPart } from './private-folder.ts';
export { routerPart } from './router-store-folder.ts';
export { openOwnFolder, withRunFolder } from './run-folder.ts';
