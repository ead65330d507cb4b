import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { InvalidInputError, type PolicySpec } from 'pointsman';
import { readArtifactFolder } from 'pointsman/node';
import { foundWeights } from '../evaluation/dial.ts';
import { ingestOutcomes } from '../outcomes/ingest.ts';
import { readOutcomeMatrix } from '../outcomes/read-outcome-matrix.ts';
import { evaluateRouter } from '../pipeline/evaluate-router.ts';
import { renderReport } from '../report/render-report.ts';
import { withRunFolder } from '../work/index.ts';
import type { CommandIo } from './command-io.ts';
import { describeEvaluation } from './describe-evaluation.ts';
import { dialOf } from './dial-reports.ts';
import type { EvaluateFlags } from './evaluate-command.ts';
import { readingOptions, scratchOptions } from './log-options.ts';
import { openRouter } from './open-router.ts';
import { createProgress } from './progress.ts';
import { readPolicy, readPrices } from './read-settings.ts';

export async function runEvaluate(
  folder: string,
  files: readonly string[],
  flags: EvaluateFlags,
  io: CommandIo,
): Promise<void> {
  const policy = await policyOf(flags);
  const router = await openRouter(folder, policy === undefined ? {} : { policy });
  const { name, provenance } = router.manifest;
  const artifact = await readArtifactFolder(folder, { reports: true });
  // Of a report that was edited it is not known what the training found.
  const dial = artifact.reports?.changed.has('metrics.json') ? null : dialOf(artifact);
  const prices = flags.prices === undefined ? {} : { prices: await readPrices(flags.prices) };
  const progress = createProgress(io, flags.quiet === true);
  try {
    const { ingest, traffic } = await withRunFolder(flags.work, 'evaluate', async (run) => {
      const table = join(run, 'outcomes.parquet');
      const ingest = await ingestOutcomes({
        files,
        out: table,
        map: flags.map,
        ...readingOptions(flags),
        onProgress: ({ bytesRead, bytesTotal }) =>
          progress.update('reading', bytesRead / Math.max(1, bytesTotal)),
        ...prices,
      });
      return { ingest, traffic: await readOutcomeMatrix(table, scratchOptions(flags)) };
    });
    const evaluation = await evaluateRouter(router, traffic, {
      onProgress: (done, total) => progress.update('routing', done / total),
      onPropensities: () => progress.update('finding propensities'),
      ...(dial === null ? {} : { dial: foundWeights(dial) }),
      offPolicy: flags.offPolicy ? 'always' : 'auto',
      ...(policy === undefined ? {} : { policySpec: policy, policy: nameOf(flags, policy) }),
    });
    progress.stop();
    const isOwn = ingest.fingerprint === provenance.dataFingerprint;
    if (isOwn && evaluation.offPolicy !== null) {
      throw new InvalidInputError(
        `The router was trained on this very traffic, and what is estimated off-policy needs outcomes that its model never saw. Give ` +
          `later traffic; what the part held back for the test says is in the report of ${folder}.`,
      );
    }
    if (isOwn) io.stderr('Note: The router was trained on this very traffic, so these figures flatter it.\n');
    if (flags.report !== undefined) {
      await mkdir(dirname(flags.report), { recursive: true });
      await writeFile(flags.report, renderReport(evaluation, { title: `${name} on other traffic` }));
    }
    io.stdout(
      flags.json
        ? `${JSON.stringify(evaluation, null, 2)}\n`
        : describeEvaluation(evaluation, folder, io.columns),
    );
    if (flags.offPolicy && evaluation.contenders.length === 0)
      throw new InvalidInputError('The log cannot say what this router is worth; the reason is given above.');
  } finally {
    progress.stop();
  }
}

/** What the router is measured with instead of its own policy. */
async function policyOf({ policy, weights }: EvaluateFlags): Promise<PolicySpec | undefined> {
  if (policy !== undefined) return readPolicy(policy);
  return weights === undefined ? undefined : { kind: 'utility', weights };
}

function nameOf({ weights }: EvaluateFlags, { kind }: PolicySpec): string {
  return weights === undefined ? kind : `${kind}:${weights}`;
}
