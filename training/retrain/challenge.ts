import { join } from 'node:path';
import { createRouter } from 'pointsman';
import { memoryFiles, readArtifact } from 'pointsman/artifact';
import { compileCel } from 'pointsman/cel';
import { policies } from 'pointsman/policy';
import type { SealedArtifact } from '../artifact/index.ts';
import type { GateVerdict } from '../gate/index.ts';
import type { RouterEmbedder } from '../pipeline/router-embedder.ts';
import { gateChallenger } from './gate-challenger.ts';
import type { StoredTraffic } from './read-store.ts';
import type { RetrainOptions } from './retrain-options.ts';
import { withoutExploring } from './score-traffic.ts';
import { stillRetired } from './still-retired.ts';
import { trainChallenger } from './train-challenger.ts';
import type { WatchedTraffic } from './watch-traffic.ts';

export interface Challenge {
  readonly sealed: SealedArtifact;
  /** Null where the challenger is the champion. */
  readonly verdict: GateVerdict | null;
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
  const sealed = await trainChallenger({
    name,
    matrix: watched.matrix,
    groups: watched.groups,
    learn: watched.learn,
    judge: watched.judge,
    config: await stillRetired(config.train, config.router, watched.championVersion),
    dataFingerprint: stored.fingerprint,
    embedder,
    cacheFolder: join(config.work, 'embeddings'),
    onProgress,
  });
  if (sealed.version === watched.championVersion) return { sealed, verdict: null };
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
    challenger,
    embeddings: watched.embeddings,
    config,
  });
  return { sealed, verdict };
}
