import { isDeepStrictEqual } from 'node:util';
import { createRouter } from 'pointsman';
import { memoryFiles, readArtifact } from 'pointsman/artifact';
import { compileCel } from 'pointsman/cel';
import { policies } from 'pointsman/policy';
import type { SealedArtifact } from '../artifact/seal-artifact.ts';
import type { TrainConfig } from '../config.ts';
import type { GateVerdict } from '../gate/gate-verdict.ts';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import type { RouterEmbedder } from '../pipeline/router-embedder.ts';
import { workPart } from '../work/private-folder.ts';
import { gateChallenger } from './gate-challenger.ts';
import { readNightsSpent } from './nights-spent.ts';
import type { RetrainOptions } from './retrain-options.ts';
import type { StoredTraffic } from './run.ts';
import { withoutExploring } from './score-traffic.ts';
import { stillRetired } from './still-retired.ts';
import { trainChallenger } from './train-challenger.ts';
import type { WatchedTraffic } from './watch-traffic.ts';

interface Challenge {
  readonly version: string;
  /** Null where the challenger is the champion itself. */
  readonly trained: { readonly sealed: SealedArtifact; readonly verdict: GateVerdict } | null;
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
  const sealed = await trainChallenger({
    name,
    matrix: trainConfig.offPolicy.memory > 0 ? rememberChampion(watched) : watched.matrix,
    groups: watched.groups,
    learn: watched.learn,
    judge: watched.judge,
    config: trainConfig,
    dataFingerprint: stored.fingerprint,
    embedder,
    cacheFolder: await workPart(config.work, 'embeddings'),
    onProgress,
  });
  const challenger = createRouter(await readArtifact(memoryFiles(sealed.files)), {
    embedder: embedder.embedder,
    policies,
    compile: compileCel,
    policy: withoutExploring(config.train.policy),
  });
  onProgress({ kind: 'step', what: 'judging the challenger', folds: null });
  const verdict = await gateChallenger({
    matrix: watched.matrix,
    groups: watched.groups,
    learn: watched.learn,
    judge: watched.judge,
    champion: watched.champion,
    championPolicy: watched.championPolicy,
    challenger,
    embeddings: watched.embeddings,
    spent: await readNightsSpent(config.router),
    drifted: watched.found.drift?.candidates.some(({ alarm }) => alarm) ?? false,
    config,
  });
  return { version: sealed.version, trained: { sealed, verdict } };
}

/** Whether the champion was made of this very traffic, by this very config: to learn from it again would only blur what it remembers. */
function hasLearnedThis(
  { championProvenance, judge, learn }: WatchedTraffic,
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
    prompts.test === judge.length &&
    isDeepStrictEqual(own, JSON.parse(JSON.stringify(trainConfig)))
  );
}

/** The matrix with what the champion expects of it, brought up to date as the outcomes were. */
function rememberChampion({ champion, found: { restated }, matrix }: WatchedTraffic): OutcomeMatrix {
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
