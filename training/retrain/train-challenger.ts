import type { SealedArtifact } from '../artifact/seal-artifact.ts';
import type { TrainConfig } from '../config.ts';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import { takeRows } from '../outcomes/take-rows.ts';
import { alignCandidates } from '../pipeline/align-candidates.ts';
import { checkSplits, checkTraffic, scoresOf } from '../pipeline/check-trainable.ts';
import type { RouterEmbedder } from '../pipeline/router-embedder.ts';
import type { TrainProgress } from '../pipeline/train-progress.ts';
import { assignGroups } from '../split/assign-groups.ts';
import { nameSplits } from '../split/split.ts';
import { trainRouter } from '../train/train-router.ts';

interface ChallengerInput {
  readonly name: string;
  readonly matrix: OutcomeMatrix;
  readonly groups: Int32Array;
  /** Prompts to learn from, and those that will judge: the test split of its report. */
  readonly learn: Int32Array;
  readonly judge: Int32Array;
  readonly config: TrainConfig;
  readonly dataFingerprint: string;
  readonly embedder: RouterEmbedder;
  readonly cacheFolder: string;
  readonly onProgress: (progress: TrainProgress) => void;
}

/** With fewer scores to learn from, a candidate is left out. */
const FEWEST_SCORES = 10;

/**
 * Trains on what is older and reports on what is newest.
 * @throws InvalidInputError where a router cannot be learned from it
 */
export async function trainChallenger(input: ChallengerInput): Promise<SealedArtifact> {
  const { config, judge, learn } = input;
  const learned = takeRows(input.matrix, learn);
  checkTraffic(learned);
  const scores = scoresOf(learned.quality, learned.candidates.length);
  const known = learned.candidates.filter((_, c) => scores[c] >= FEWEST_SCORES);
  const rows = Int32Array.from([...learn, ...judge]);
  const matrix = alignCandidates(takeRows(input.matrix, rows), known);
  const groups = rows.map((row) => input.groups[row]);
  const own = Int32Array.from(learn.keys());
  const { calibrate: toCalibrate, fit: toFit } = config.split;
  const calibrateRows = Math.round((learn.length * toCalibrate) / (toFit + toCalibrate));
  const [fit, calibrate] = assignGroups(
    own,
    groups,
    matrix.prompts.map(({ task }) => task),
    [learn.length - calibrateRows, calibrateRows],
    config.seed,
  );
  const splits = nameSplits(
    fit,
    calibrate,
    Int32Array.from(judge, (_, i) => learn.length + i),
  );
  checkSplits(splits, groups);
  const { artifact } = await trainRouter({
    name: input.name,
    matrix,
    splits,
    groups,
    dataFingerprint: input.dataFingerprint,
    config,
    embedder: input.embedder,
    cacheFolder: input.cacheFolder,
    source: 'its own traffic, retrained on schedule',
    onProgress: input.onProgress,
  });
  return artifact;
}
