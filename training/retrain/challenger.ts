import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { createRouter, memoryFiles, readArtifact } from 'pointsman';
import { readArtifactFolder } from 'pointsman/node';
import type { BuiltArtifact } from '../artifact/build-artifact.ts';
import type { TrainConfig } from '../config.ts';
import type { RouterEmbedder } from '../embed/embedders.ts';
import { checkSplits, checkTraffic, scoresOf } from '../ingest/report.ts';
import { type OutcomeMatrix, takePrompts } from '../outcomes/matrix.ts';
import { assignGroups, nameSplits } from '../split/split.ts';
import { alignCandidates } from '../train/evaluate-router.ts';
import { type TrainedRouter, trainRouter, tunedBefore } from '../train/train-router.ts';
import type { TrainInput } from '../train/training-run.ts';
import { workPart } from '../work/run-folder.ts';
import type { GateVerdict } from './gate/tests.ts';
import { gateChallenger, withoutExploring } from './gate-challenger.ts';
import { type RetrainOptions, readNightsSpent, type StoredTraffic } from './run.ts';
import type { Alarm } from './watch/drift.ts';
import type { WatchedTraffic } from './watch-traffic.ts';

interface Challenge {
  readonly version: string;
  /** Null where the challenger is the champion itself. */
  readonly trained: {
    readonly sealed: BuiltArtifact;
    readonly verdict: GateVerdict;
    /** What must be said of it beside the verdict. */
    readonly note: string | null;
  } | null;
}

/** Trains a challenger and puts it before the gate. @throws InvalidInputError where none can be trained */
export async function challenge({
  embedder,
  name,
  options: { config, onProgress = () => {} },
  stored,
  watched,
}: {
  readonly options: RetrainOptions;
  readonly name: string;
  readonly embedder: RouterEmbedder;
  readonly stored: StoredTraffic;
  readonly watched: WatchedTraffic;
}): Promise<Challenge> {
  const { championVersion } = watched;
  const trainConfig = await stillRetired(config.train, config.router, championVersion);
  if (championVersion !== null && hasLearnedThis(watched, stored, trainConfig))
    return { version: championVersion, trained: null };
  const learnedFrom = trainConfig.offPolicy.memory > 0 ? withChampionPrior(watched) : watched.matrix;
  const { artifact: sealed, answers } = await trainChallenger(
    { ...watched, matrix: learnedFrom },
    {
      name,
      config: trainConfig,
      dataFingerprint: stored.fingerprint,
      thresholds: await tunedBefore(trainConfig.policy, config.router, championVersion),
      embedder,
      cacheFolder: await workPart(config.work, 'embeddings'),
      source: 'its own traffic, retrained on schedule',
      onProgress,
    },
  );
  const challenger = createRouter(await readArtifact(memoryFiles(sealed.files)), {
    embedder: embedder.embedder,
    policy: withoutExploring(config.train.policy),
  });
  onProgress({ kind: 'step', what: 'judging the challenger', folds: null });
  const verdict = await gateChallenger({
    matrix: watched.matrix,
    groups: watched.groups,
    learn: watched.learn,
    holdout: watched.holdout,
    champion: watched.champion,
    championPolicy: watched.championPolicy,
    challenger,
    embeddings: watched.embeddings,
    spent: await readNightsSpent(config.router),
    drifted: watched.found.drift?.candidates.some(({ alarm }) => alarm) ?? false,
    config,
  });
  return { version: sealed.version, trained: { sealed, verdict, note: answers?.carriedOver ?? null } };
}

/** Whether the champion was made of this very traffic, by this very config: to learn from it again would only blur what it remembers. */
function hasLearnedThis(
  { championProvenance, holdout, learn }: WatchedTraffic,
  { fingerprint }: StoredTraffic,
  trainConfig: TrainConfig,
): boolean {
  if (championProvenance === null) return false;
  const { config, dataFingerprint, prompts } = championProvenance;
  const { chosen, ...own } = config as Record<string, unknown>;
  return (
    dataFingerprint === fingerprint &&
    // What is in quarantine may have changed since.
    prompts.fit + prompts.calibrate === learn.length &&
    prompts.test === holdout.length &&
    isDeepStrictEqual(own, JSON.parse(JSON.stringify(trainConfig)))
  );
}

/** The matrix with what the champion expects of it, brought up to date as the outcomes were. */
function withChampionPrior({ champion, found: { restated }, matrix }: WatchedTraffic): OutcomeMatrix {
  if (champion === null) return matrix;
  const factors = matrix.candidates.map(
    (name) =>
      restated.find(({ candidate, measure }) => candidate === name && measure === 'quality')?.factor ?? 1,
  );
  return {
    ...matrix,
    expected: Float32Array.from(champion.success, (value, i) => value * factors[i % factors.length]),
  };
}

/**
 * The config of a training in which candidates that the champion has retired stay so: traffic of theirs is still
 * there to learn from, and nobody should have to say it twice.
 *
 * @param folder of the router @param champion its version in use; null where there is none
 */
export async function stillRetired(
  config: TrainConfig,
  folder: string,
  champion: string | null,
): Promise<TrainConfig> {
  if (champion === null) return config;
  const { manifest } = await readArtifactFolder(join(folder, champion));
  const candidates = { ...config.candidates };
  for (const { name, retired } of manifest.candidates) {
    // What the config says of it counts.
    if (retired === true) candidates[name] = { retired, ...candidates[name] };
  }
  return { ...config, candidates };
}

/** With fewer scores to learn from, a candidate is left out. */
const FEWEST_SCORES = 10;

/**
 * Trains on what is older and reports on what is newest.
 * @throws InvalidInputError where a router cannot be learned from it
 */
async function trainChallenger(
  watched: Pick<WatchedTraffic, 'groups' | 'holdout' | 'learn' | 'matrix'>,
  input: Omit<TrainInput, 'groups' | 'matrix' | 'splits'>,
): Promise<TrainedRouter> {
  const { holdout, learn } = watched;
  const { seed, split } = input.config;
  const learned = takePrompts(watched.matrix, learn);
  checkTraffic(learned);
  const scores = scoresOf(learned.quality, learned.candidates.length);
  const known = learned.candidates.filter((_, c) => scores[c] >= FEWEST_SCORES);
  const rows = Int32Array.from([...learn, ...holdout]);
  const matrix = alignCandidates(takePrompts(watched.matrix, rows), known);
  const groups = rows.map((row) => watched.groups[row]);
  const own = Int32Array.from(learn.keys());
  const calibrateRows = Math.round((learn.length * split.calibrate) / (split.fit + split.calibrate));
  const [fit, calibrate] = assignGroups(
    own,
    groups,
    matrix.prompts.map(({ task }) => task),
    [learn.length - calibrateRows, calibrateRows],
    seed,
  );
  const splits = nameSplits(
    fit,
    calibrate,
    Int32Array.from(holdout, (_, i) => learn.length + i),
  );
  checkSplits(splits, groups);
  return trainRouter({ ...input, matrix, splits, groups });
}

/** An alarm for each candidate that may be chosen now, and that a challenger does not know: it would be lost without a word. */
export async function forgottenAlarms(
  folder: string,
  champion: string | null,
  challenger: BuiltArtifact,
): Promise<Alarm[]> {
  if (champion === null) return [];
  const { manifest } = await readArtifactFolder(join(folder, champion));
  const known = challenger.manifest.candidates.map(({ name }) => name);
  return manifest.candidates
    .filter(({ name, retired }) => retired !== true && !known.includes(name))
    .map(({ name }) => ({
      kind: 'candidate',
      subject: name,
      sentence:
        `${name} is not known to the challenger: of its answers fewer than ${FEWEST_SCORES} have a score to learn from. ` +
        'Where the challenger comes into use, nothing goes to it any more. Let some of the traffic go to it, or put the probes that it was added with among the logs.',
    }));
}
