import type { RouterEmbedder } from '../pipeline/router-embedder.ts';
import type { TrainProgress } from '../pipeline/train-progress.ts';
import type { ScratchOptions } from '../work/scratch-database.ts';
import type { RetrainConfig } from './config.ts';
import type { RetrainRun } from './retrain-run.ts';

export interface RetrainOptions extends ScratchOptions {
  readonly config: RetrainConfig;
  /** Does everything but change the router, its outcomes table and its quarantine. @default false */
  readonly dryRun?: boolean;
  /** An embedder of one's own. @default the one that `train.embedder` of the config names */
  readonly embedder?: RouterEmbedder;
  /** Told of a run with alarms, beside the hooks of the config. */
  readonly onAlert?: (run: RetrainRun) => void | Promise<void>;
  readonly onProgress?: (progress: TrainProgress) => void;
  /** @default the platform's time */
  readonly now?: () => Date;
}
