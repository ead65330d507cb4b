/**
 * Trains, evaluates and keeps up routers: what the command `pointsman` does, for code.
 */
export { RouterBusyError, rollBack } from './artifact/versions.ts';
export {
  addCandidate,
  restoreCandidate,
  retireCandidate,
  setCandidate,
} from './candidates/change-candidates.ts';
export { parseTrainConfig, type TrainConfig } from './config.ts';
export { requestFeatures } from './embed/embed.ts';
export { fitLinear } from './fit/linear.ts';
export { softTargets } from './fit/loss.ts';
export { useBackend } from './fit/tensorflow.ts';
export { ingestOutcomes } from './ingest/ingest.ts';
export { readOutcomeMatrix } from './ingest/outcome-store.ts';
export { readDecisionLog } from './log-store/read.ts';
export type { OutcomeMatrix } from './outcomes/matrix.ts';
export { parseRetrainConfig, type RetrainConfig } from './retrain/config.ts';
export { retrain, scheduleRetrain } from './retrain/retrain.ts';
export { trainFromFiles } from './train/train-router.ts';
export { MemoryLimitError } from './work/scratch-database.ts';
