import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Candidate, InvalidInputError, type Router } from 'pointsman';
import { readArtifactFolder } from 'pointsman/node';
import type { SealedArtifact } from '../artifact/seal-artifact.ts';
import { writeArtifact } from '../artifact/write-artifact.ts';
import { addCandidate } from '../candidates/add-candidate.ts';
import { parseTrainConfig } from '../config.ts';
import { ingestOutcomes } from '../ingest/ingest.ts';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import { readOutcomeMatrix } from '../outcomes/read-outcome-matrix.ts';
import { withRetrainLock } from '../versions/retrain-lock.ts';
import { openOwnFolder, withRunFolder } from '../work/run-folder.ts';
import type { CommandIo } from './command-io.ts';
import type { AddFlags } from './commands/candidates.ts';
import { describeOnboarded } from './describe-onboarded.ts';
import { openRouter } from './open-router.ts';
import { readYaml } from './read-settings.ts';
import { routerFolder } from './router-folder.ts';
import { createProgress } from './terminal/io.ts';
import { readingOptions, scratchOptions } from './terminal/options.ts';

export async function runAddCandidate(name: string, flags: AddFlags, io: CommandIo): Promise<void> {
  const folder = await routerFolder(flags.router);
  const progress = createProgress(io, flags.quiet === true);
  try {
    const candidate = await readCandidate(name, flags.settings);
    progress.update('reading the probes');
    const probes = await readProbeFiles(candidate, flags);
    progress.update('adding the candidate');
    const { version, onboarded } = await withRetrainLock(folder, async () => {
      const added = await addCandidate({
        artifact: await readArtifactFolder(folder, { reports: true }),
        candidate,
        probes,
        ...(flags.family === undefined ? {} : { family: flags.family }),
        caution: flags.caution,
        open: openSealed,
      });
      const written = await writeArtifact(folder, added.artifact);
      return { version: written.version, onboarded: added.onboarded };
    });
    progress.stop();
    io.stdout(
      flags.json
        ? `${JSON.stringify({ ...onboarded, version }, null, 2)}\n`
        : describeOnboarded(onboarded, version, io.columns),
    );
  } finally {
    progress.stop();
  }
}

/** @throws InvalidInputError naming the field that a candidate cannot have */
export async function readCandidate(name: string, file: string | undefined): Promise<Candidate> {
  const settings = file === undefined ? {} : await readYaml(file, 'The settings');
  if (typeof settings !== 'object' || settings === null) {
    throw new InvalidInputError(
      `The settings in ${file} must be fields and values. Got ${JSON.stringify(settings)}.`,
    );
  }
  // The names of its fields and what they may be are those of the training config.
  const { candidates } = parseTrainConfig({ candidates: { [name]: settings } });
  return { ...(candidates[name] as Omit<Candidate, 'name'>), name };
}

async function readProbeFiles(
  { name, inputPricePerMillionTokens, outputPricePerMillionTokens }: Candidate,
  flags: AddFlags,
): Promise<OutcomeMatrix> {
  const { map, probes, work } = flags;
  return withRunFolder(work, 'probes', async (folder) => {
    const out = join(folder, 'probes.parquet');
    const prices =
      inputPricePerMillionTokens === undefined || outputPricePerMillionTokens === undefined
        ? {}
        : { [name]: { inputPricePerMillionTokens, outputPricePerMillionTokens } };
    await ingestOutcomes({ ...readingOptions(flags), files: [...probes], out, map, prices });
    return readOutcomeMatrix(out, scratchOptions(flags));
  });
}

/** Through a folder of its own, as whatever embedder it needs is found there. */
async function openSealed(sealed: SealedArtifact): Promise<Router> {
  const folder = await openOwnFolder(tmpdir(), 'pointsman-candidate');
  try {
    await writeArtifact(folder, sealed);
    return await openRouter(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
