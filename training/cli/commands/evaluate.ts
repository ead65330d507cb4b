import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Command, Option } from 'commander';
import { InvalidInputError, type PolicySpec } from 'pointsman';
import { readArtifactFolder } from 'pointsman/node';
import { foundWeights } from '../../evaluate/dial.ts';
import { NOT_FOUND, noWays } from '../../evaluate/ways.ts';
import { ingestOutcomes } from '../../ingest/ingest.ts';
import { readOutcomeMatrix } from '../../ingest/outcome-store.ts';
import { FEWEST_IN_SPLIT } from '../../ingest/report.ts';
import { isByPreference } from '../../outcomes/matrix.ts';
import { renderReport } from '../../report/report.ts';
import { groupPrompts } from '../../split/split.ts';
import { evaluateRouter } from '../../train/evaluate-router.ts';
import { type SeenSplit, sayLeftOut, splitBySeen } from '../../train/tuning-traffic.ts';
import { readsWords } from '../../tune/answer-scores.ts';
import { plural } from '../../words.ts';
import { withRunFolder } from '../../work/run-folder.ts';
import { describeEvaluation } from '../terminal/describe.ts';
import { dialOf } from '../terminal/describe-dial.ts';
import { type CommandIo, createProgress, ExitCode } from '../terminal/io.ts';
import {
  addMapOption,
  addReadingOptions,
  type ColumnMap,
  openRouter,
  type ReadingFlags,
  readingOptions,
  readPolicy,
  readPrices,
  scratchOptions,
  withStandardInput,
} from '../terminal/options.ts';

const EXAMPLES = `
Examples:
  $ npx pointsman evaluate models/support last-week.jsonl
  $ npx pointsman evaluate models/support last-week.jsonl --weights balanced --report balanced.html
  $ npx pointsman evaluate models/support last-week.jsonl --policy policy.yaml
  $ npx pointsman evaluate models/support litellm.jsonl --format litellm
  $ zcat last-week.jsonl.gz | npx pointsman evaluate models/support -
  $ npx pointsman evaluate models/support production-log.jsonl --off-policy

Prompts that the router was fitted or calibrated on are left out, and near-duplicates of them in the same traffic; how many is said.

Where the traffic holds one candidate's answer to each prompt, as most logs do, figures are estimated off-policy. With
--off-policy they always are, and the exit code is 1 where the log cannot answer; the reason is given.`;

interface EvaluateFlags extends ReadingFlags {
  readonly map: ColumnMap;
  readonly prices?: string;
  readonly policy?: string;
  readonly weights?: 'best' | 'balanced' | 'cheapest';
  readonly offPolicy?: boolean;
  readonly report?: string;
  readonly work: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `pointsman evaluate`: what a trained router is worth on other traffic. */
export function evaluateCommand(io: CommandIo): Command {
  const command = new Command('evaluate')
    .argument('<folder>', 'folder of a router, or of one of its versions')
    .argument(
      '<files...>',
      'traffic: JSONL, CSV, Parquet or Arrow; files, quoted patterns, or a store of logs as s3://bucket/prefix; - reads standard input',
    );
  return addReadingOptions(addMapOption(command))
    .option('-p, --prices <file>', 'YAML or JSON with prices per million tokens by candidate')
    .addOption(
      new Option('-w, --weights <name>', "what to weigh (default: the router's own policy)").choices([
        'best',
        'balanced',
        'cheapest',
      ]),
    )
    .option('--policy <file>', "YAML or JSON (default: the router's own policy)")
    .option(
      '--off-policy',
      'estimate from a part of the outcomes: IPS, SNIPS, DR and switch-DR, with diagnostics',
    )
    .option('--report <file>', 'write a report with figures, in HTML')
    .option('--work <folder>', 'what is kept from run to run', '.pointsman')
    .option('--json', 'print every figure as JSON')
    .option('-q, --quiet', 'show no progress')
    .addHelpText('after', EXAMPLES)
    .action(async (folder: string, files: string[], flags: EvaluateFlags, self: Command) => {
      if (flags.policy !== undefined && flags.weights !== undefined)
        self.error('error: give --policy or --weights, not both: a policy has weights of its own');
      await withStandardInput(files, io, (read) => runEvaluate(folder, read, flags, io));
    });
}

const OF_PREFERENCES =
  'Note: The router was trained on preferences alone: its success probabilities are shares of comparisons won, and this traffic has scores.\n';

/** @param config of a manifest's provenance, of any shape */
function foretellsPreferences(config: unknown): boolean {
  const { chosen } = (config ?? {}) as { chosen?: { preferences?: { alone?: unknown } } };
  return chosen?.preferences?.alone === true;
}

async function runEvaluate(
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
        // The table is the run's own.
        ...(readsWords(router.manifest) ? { answers: 'text' as const } : {}),
        onProgress: ({ bytesRead, bytesTotal }) =>
          progress.update('reading', bytesRead / Math.max(1, bytesTotal)),
        ...prices,
      });
      return { ingest, traffic: await readOutcomeMatrix(table, scratchOptions(flags)) };
    });
    const { groups } = groupPrompts(traffic);
    const seen = splitBySeen(artifact, traffic, groups);
    const isTold = typeof seen !== 'string';
    const leftOut = isTold ? sayLeftOut(seen) : null;
    if (isTold && leftOut !== null) checkLeft(seen, leftOut, folder);
    const evaluation = await evaluateRouter(router, traffic, {
      groups,
      ...(isTold ? { rows: seen.unseen } : {}),
      onProgress: (done, total) => progress.update('routing', done / total),
      onPropensities: () => progress.update('finding propensities'),
      ...(dial === null ? {} : { dial: foundWeights(dial), ways: dial.ways ?? noWays(NOT_FOUND) }),
      offPolicy: flags.offPolicy ? 'always' : 'auto',
      ...(policy === undefined ? {} : { policySpec: policy, policy: nameOf(flags, policy) }),
    });
    progress.stop();
    const isOwn = !isTold && ingest.fingerprint === provenance.dataFingerprint;
    if (isOwn && evaluation.offPolicy !== null) {
      throw new InvalidInputError(
        `The router was trained on this very traffic, and what is estimated off-policy needs outcomes that its model never saw. Give ` +
          `later traffic; what the part held back for the test says is in the report of ${folder}.`,
      );
    }
    const note = isOwn
      ? 'The router was trained on this very traffic, so these figures flatter it.'
      : isTold
        ? leftOut
        : seen;
    if (note !== null) io.stderr(`Note: ${note}\n`);
    if (foretellsPreferences(provenance.config) && !isByPreference(traffic)) io.stderr(OF_PREFERENCES);
    if (flags.report !== undefined) {
      await mkdir(dirname(flags.report), { recursive: true });
      const title = `${name} on other traffic`;
      await writeFile(flags.report, renderReport(evaluation, { title, ...(note === null ? {} : { note }) }));
    }
    const cannotTell =
      flags.offPolicy && evaluation.strategies.length === 0
        ? new InvalidInputError(
            `The log cannot say what this router is worth; the reason is given ${flags.json ? 'in the verdict' : 'above'}.`,
          )
        : null;
    if (!flags.json) {
      io.stdout(describeEvaluation(evaluation, folder, io.columns));
      if (cannotTell !== null) throw cannotTell;
      return;
    }
    const counted = isTold ? { fit: seen.fit.length, calibrate: seen.calibrate.length, why: leftOut } : null;
    const error = cannotTell && { code: cannotTell.code, message: cannotTell.message };
    // One document, whatever happens.
    io.stdout(
      `${JSON.stringify({ ...evaluation, leftOut: counted, ...(error === null ? {} : { error }) }, null, 2)}\n`,
    );
    if (cannotTell !== null) throw new ExitCode(1);
  } finally {
    progress.stop();
  }
}

/** @throws InvalidInputError where what is left says nothing. */
function checkLeft({ unseen }: SeenSplit, leftOut: string, folder: string): void {
  if (unseen.length >= FEWEST_IN_SPLIT) return;
  throw new InvalidInputError(
    `${unseen.length === 0 ? 'Nothing is' : `Only ${plural(unseen.length, 'prompt')} ${unseen.length === 1 ? 'is' : 'are'}`} left to ` +
      `measure the router on${unseen.length === 0 ? '' : `, and ${FEWEST_IN_SPLIT} are the fewest`}. ${leftOut} Give newer traffic; what the ` +
      `part held back for the test says is in the report of ${folder}.`,
  );
}

/** What the router is measured with instead of its own policy. */
async function policyOf({ policy, weights }: EvaluateFlags): Promise<PolicySpec | undefined> {
  if (policy !== undefined) return readPolicy(policy);
  return weights === undefined ? undefined : { kind: 'utility', weights };
}

function nameOf({ weights }: EvaluateFlags, { kind }: PolicySpec): string {
  return weights === undefined ? kind : `${kind}:${weights}`;
}
