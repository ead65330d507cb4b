import { writeFile } from 'node:fs/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Router, UtilityWeights } from 'pointsman';
import { createAnswerScorer } from 'pointsman/execution';
import type { WeightsName } from 'pointsman/internal';
import { readArtifactFolder } from 'pointsman/node';
import { stringify } from 'yaml';
import { editArtifact, trainedConfig } from '../../artifact/build-artifact.ts';
import { withRetrainLock } from '../../artifact/versions.ts';
import { writeArtifact } from '../../artifact/write-artifact.ts';
import { parseTrainConfig } from '../../config.ts';
import { DIAL_SETTINGS } from '../../evaluate/evaluation.ts';
import { readScoreColumn } from '../../ingest/outcome-store.ts';
import { checkScores } from '../../ingest/report.ts';
import { type PreparedTraffic, withTraffic } from '../../train/prepare-traffic.ts';
import {
  candidatesSeen,
  cheapestAndBest,
  judgedParts,
  sayingMissing,
  type TuningSplit,
  tunedOn,
  tuningSplit,
} from '../../train/tuning-traffic.ts';
import { readsWords, routingParts, scoreParts } from '../../tune/answer-scores.ts';
import { acceptScores, type TunableTest } from '../../tune/settings.ts';
import {
  nameThresholds,
  type PredictedRows,
  predictSuccess,
  sayNotTuned,
  type TunableRouting,
  type TunedPolicy,
  tunePolicy,
} from '../../tune/tune-policy.ts';
import { describeTuning, dialReports, lastOf, sayMeasuredOn, saySetting } from '../terminal/describe-dial.ts';
import { type CommandIo, createProgress, showTraining } from '../terminal/io.ts';
import {
  addMapOption,
  addReadingOptions,
  belowOne,
  countFromOne,
  nonNegativeNumber,
  openRouter,
  points,
  positiveNumber,
  probability,
  readingOptions,
  readPrices,
  routerFolder,
  withStandardInput,
} from '../terminal/options.ts';
import type { TuneFlags } from './tune-weights.ts';

const EXAMPLES = `
Weights of all candidates:
  $ npx pointsman tune models/support --setting lose-2 --apply
  $ npx pointsman tune models/support --weights quality=1,cost=0.05 --apply
  $ npx pointsman tune models/support traffic.jsonl --max-loss 2
  $ npx pointsman tune models/support traffic.jsonl --max-loss 2 --against gpt-5-mini --confidence 0.95 --apply
  $ npx pointsman tune models/support traffic.jsonl --mean-cost 0.0004 --out policy.yaml

A strong and a weak candidate, or a cascade:
  $ npx pointsman tune models/support traffic.jsonl --strong-share 0.3
  $ npx pointsman tune models/support traffic.jsonl --max-loss 2 --candidates small,large --requests 500 --out policy.yaml
  $ npx pointsman tune models/support traffic.jsonl --max-loss 2 --candidates small,medium,large --per-step
  $ npx pointsman tune models/support traffic.jsonl --max-loss 2 --accept answer --candidates small,medium,large --apply
  $ npx pointsman tune models/support traffic.jsonl --max-loss 2 --routing --candidates small,medium,large --apply
  $ npx pointsman tune models/support traffic.jsonl --max-loss 2 --accept logprob --apply
  $ npx pointsman tune models/support traffic.jsonl --max-loss 2 --accept verifier:grade --accept-score metadata.grade

--setting takes what \`pointsman inspect\` shows: best, lose-1, lose-2, lose-5, balanced, cheapest. Neither it nor --weights needs
traffic.

Else give the traffic that the router was trained on: the dial is set on its calibrate split and measured on its test
split. Or give newer traffic: what the router has seen of it is left out, and the rest is used. For a strong and a weak candidate, and for a cascade, prompts need the
outcomes of all that take part; for weights, a log of one candidate's answer a prompt will do, and is estimated off-policy.

Use the policy: loadRouter('models/support', { policy }), or \`policy:\` in the config of the next training.`;

/** Flags that say what is to be tuned: one of them. */
const GOALS = ['setting', 'weights', 'maxLoss', 'meanCost', 'strongShare', 'maxQualityLoss'] as const;

/** Flags of a strong and a weak candidate, or a cascade. */
const STEPWISE = [
  'strongShare',
  'maxQualityLoss',
  'candidates',
  'cascade',
  'routing',
  'perStep',
  'accept',
] as const;

/** `pointsman tune`: sets the weights of a router, or the dial of a strong/weak policy or a cascade, from data. */
export function tuneCommand(io: CommandIo): Command {
  const command = new Command('tune')
    .argument('<folder>', 'folder of a router, or of one of its versions')
    .argument(
      '[files...]',
      'traffic: JSONL, CSV, Parquet or Arrow; files or quoted patterns; - reads standard input',
    )
    .addOption(
      new Option('--setting <name>', 'a setting of the dial that inspect shows').choices(DIAL_SETTINGS),
    )
    .addOption(
      new Option(
        '--weights <weights>',
        'best, balanced, cheapest, or numbers: quality=1,cost=0.05',
      ).argParser(utilityWeights),
    )
    .addOption(
      new Option(
        '--max-loss <points>',
        'most that mean quality may be below that of --against; of a strong or last candidate with --candidates, --cascade or --accept',
      ).argParser(points),
    )
    .addOption(
      new Option('--mean-cost <usd>', 'most that a request may cost on average').argParser(positiveNumber),
    )
    .addOption(new Option('--max-cost <usd>').hideHelp())
    .option('--against <candidate>', 'whom --max-loss is counted from (default: the best single candidate)')
    .addOption(
      new Option('--strong-share <share>', 'share of requests for the strong candidate').argParser(
        probability,
      ),
    )
    .addOption(
      new Option(
        '--max-quality-loss <loss>',
        '--max-loss of a strong or last candidate as a number from 0 to 1',
      ).argParser(probability),
    )
    .addOption(
      new Option('--confidence <probability>', 'of keeping to --max-loss or --mean-cost')
        .argParser(belowOne)
        .default(0.9),
    )
    .addOption(
      new Option(
        '--requests <count>',
        'over how many requests a cascade or threshold is to keep to --max-loss (default: as many as it is tuned on)',
      ).argParser(countFromOne),
    )
    .addOption(
      new Option(
        '--candidates <names>',
        'with commas, cheapest first (default: the cheapest and the best of the traffic)',
      ).argParser((text: string) => text.split(',').map((name) => name.trim())),
    )
    .option('--cascade', 'a cascade also for two candidates')
    .option(
      '--routing',
      'cascade routing: who is asked next, if anybody, is decided by the answers so far, which the answer head reads',
    )
    .option('--per-step', 'a threshold for each step of a cascade, instead of one for all')
    .addOption(
      new Option(
        '--accept <test>',
        'judge answers, in a cascade: answer (by the answer head), logprob, agreement:<samples> or verifier:<name>',
      ).argParser(tunableTest),
    )
    .option(
      '--accept-score <field>',
      "the answers' scores (default: metadata.logprob, metadata.agreement or metadata.<name>)",
    );
  return addReadingOptions(addMapOption(command))
    .option('-p, --prices <file>', 'YAML or JSON with prices per million tokens by candidate')
    .option('--work <folder>', 'what is kept from run to run', '.pointsman')
    .option('-o, --out <file>', 'write the policy there, as YAML')
    .option('--apply', 'make it the policy of the router: a new version, which is then in use')
    .option('--json', 'print the result as JSON')
    .option('-q, --quiet', 'show no progress')
    .addHelpText('after', EXAMPLES)
    .action(async (folder: string, files: string[], flags: TuneFlags, self: Command) => {
      if (flags.maxCost !== undefined)
        self.error(
          `error: --max-cost is a limit of each request (pointsman route); for what they cost on average give --mean-cost ${flags.maxCost}`,
        );
      const goals = GOALS.filter((goal) => flags[goal] !== undefined);
      if (goals.length !== 1)
        self.error('error: give one of --setting, --weights, --max-loss, --mean-cost and --strong-share');
      const isNamed = flags.setting !== undefined || flags.weights !== undefined;
      if (isNamed !== (files.length === 0))
        self.error(
          isNamed ? 'error: --setting and --weights need no traffic' : 'error: give traffic to tune on',
        );
      const isStepwise = STEPWISE.some((flag) => flags[flag] !== undefined);
      if (isStepwise && (isNamed || flags.meanCost !== undefined || flags.against !== undefined))
        self.error(
          'error: --setting, --weights, --mean-cost and --against are for weights of all candidates',
        );
      if (flags.routing && (flags.accept !== undefined || flags.perStep || flags.strongShare !== undefined))
        self.error(
          'error: --routing has no thresholds: give --max-loss and no --accept, --per-step or --strong-share',
        );
      if (flags.requests !== undefined && (!isStepwise || flags.strongShare !== undefined))
        self.error(
          'error: --requests goes with --max-loss of --candidates, --cascade, --accept or --routing',
        );
      if (flags.acceptScore !== undefined && (flags.accept === undefined || flags.accept.kind === 'answer'))
        self.error('error: --accept-score goes with --accept of scores in the traffic');
      if (isStepwise) {
        await withStandardInput(files, io, (read) => runTune(folder, read, flags, io));
      } else {
        const { runTuneWeights } = await import('./tune-weights.ts');
        await withStandardInput(files, io, (read) => runTuneWeights(folder, read, flags, io));
      }
    });
}

function tunableTest(text: string): TunableTest {
  const [kind, rest] = text.split(/:(.*)/s);
  if ((kind === 'logprob' || kind === 'answer') && rest === undefined) return { kind };
  if (kind === 'verifier' && rest) return { kind, verifier: rest };
  const samples = Number(rest);
  if (kind === 'agreement' && Number.isInteger(samples) && samples >= 2 && samples <= 100)
    return { kind, samples };
  throw new InvalidArgumentError('Give answer, logprob, agreement:<samples, 2 to 100> or verifier:<name>.');
}

/** "balanced", or "quality=1,cost=0.05"; what is left out is 0. */
function utilityWeights(text: string): UtilityWeights | WeightsName {
  if (text === 'best' || text === 'balanced' || text === 'cheapest') return text;
  const weights = { quality: 0, cost: 0, latency: 0 };
  for (const pair of text.split(',')) {
    const [name, value, ...rest] = pair.split('=').map((part) => part.trim());
    if (!Object.hasOwn(weights, name) || value === undefined || value === '' || rest.length > 0)
      throw new InvalidArgumentError(
        'Give best, balanced, cheapest, or quality=<number>,cost=<number>,latency=<number>.',
      );
    const weight = nonNegativeNumber(value);
    if (weight > MOST_WEIGHT) throw new InvalidArgumentError('A weight must be at most 1,000,000.');
    weights[name as keyof typeof weights] = weight;
  }
  if (Object.values(weights).every((weight) => weight === 0))
    throw new InvalidArgumentError('One of the weights must be above 0.');
  return weights;
}

/** As in the schema of policies. */
const MOST_WEIGHT = 1e6;

async function runTune(
  folder: string,
  files: readonly string[],
  flags: TuneFlags,
  io: CommandIo,
): Promise<void> {
  // First, since a folder that a version cannot be added to should not be found out after the tuning.
  const applyTo = flags.apply ? await routerFolder(folder) : null;
  const router = await openRouter(folder);
  const { manifest } = router;
  const artifact = await readArtifactFolder(folder, { reports: true });
  const { accept, acceptScore } = flags;
  const notTuned = accept === undefined ? [] : sayNotTuned(manifest.policy);
  const isRead = accept?.kind === 'answer' || flags.routing === true;
  const isScored = accept !== undefined && !isRead;
  if (isRead) await createAnswerScorer(artifact);
  const prices = flags.prices === undefined ? {} : { prices: await readPrices(flags.prices) };
  const progress = createProgress(io, flags.quiet === true);
  try {
    const reading = {
      files,
      config: parseTrainConfig(trainedConfig(manifest)),
      workFolder: flags.work,
      map: flags.map,
      ...readingOptions(flags),
      // The table is the run's own.
      ...(isRead && readsWords(manifest) ? { answers: 'text' as const } : {}),
      ...prices,
      onProgress: showTraining(progress),
    };
    const { leftOut, parts, tuned } = await withTraffic(reading, async (traffic) => {
      checkScores(traffic.matrix, 'Tuning');
      const named = manifest.candidates.filter(({ name }) => flags.candidates?.includes(name));
      const parts = isScored ? judgedParts(artifact.manifest, traffic) : tuningSplit(artifact, traffic);
      progress.update('predicting');
      const candidates = flags.candidates ?? cheapestAndBest(manifest, candidatesSeen(traffic.matrix));
      const rowsOf = async (): Promise<Rows> => {
        if (isScored) return scoredRows(accept, acceptScore, traffic, parts);
        const predicted = await predictedRows(router, traffic, parts);
        if (flags.routing) return routingParts(artifact, traffic.matrix, predicted, candidates);
        return accept === undefined ? predicted : scoreParts(artifact, traffic, predicted, candidates);
      };
      return sayingMissing(named, traffic.matrix, parts, async () => {
        const { leftOut = 0, ...rows } = await rowsOf();
        const tuned = tunePolicy({
          matrix: traffic.matrix,
          ...(accept === undefined ? {} : { accept }),
          ...rows,
          candidates,
          ...(flags.cascade || flags.routing ? { kind: 'cascade' } : {}),
          perStep: flags.perStep === true,
          groups: traffic.groups,
          goal: goalOf(flags),
          seed: manifest.provenance.seed,
        });
        return { leftOut, parts, tuned };
      });
    });
    progress.stop();
    if (flags.out !== undefined) await writeFile(flags.out, stringify(tuned.policy));
    const version =
      applyTo === null ? null : await withRetrainLock(applyTo, () => apply(applyTo, tuned, parts));
    io.stdout(
      flags.json
        ? `${JSON.stringify({ ...tuned, ...tunedOn(parts), ...(isRead ? { withoutAnswers: leftOut } : {}), ...(notTuned.length === 0 ? {} : { notTuned }), ...(version === null ? {} : { version }) }, null, 2)}\n`
        : describeTuning(tuned, {
            parts,
            isJudged: isScored,
            withoutAnswers: leftOut,
            notTuned,
            io,
            goal: goalOf(flags),
            out: flags.out ?? null,
            version,
          }),
    );
  } finally {
    progress.stop();
  }
}

interface Rows {
  readonly tune: PredictedRows;
  readonly test: PredictedRows | null;
  /** Without answers that the head could read. @default 0 */
  readonly leftOut?: number;
  readonly routing?: TunableRouting;
}

async function predictedRows(
  router: Router,
  { matrix }: PreparedTraffic,
  { test, tune }: TuningSplit,
): Promise<Rows> {
  return {
    tune: await predictSuccess(router, matrix, tune),
    test: test === null ? null : await predictSuccess(router, matrix, test),
  };
}

async function scoredRows(
  test: TunableTest,
  field: string | undefined,
  { matrix, table }: PreparedTraffic,
  parts: TuningSplit,
): Promise<Rows> {
  const name = test.kind === 'verifier' ? test.verifier : test.kind;
  const scores = acceptScores(test, await readScoreColumn(table, matrix, field ?? `metadata.${name}`));
  const columns = matrix.candidates.length;
  const take = (rows: Int32Array): PredictedRows => {
    const success = new Float32Array(rows.length * columns);
    rows.forEach((row, i) => {
      success.set(scores.subarray(row * columns, (row + 1) * columns), i * columns);
    });
    return { rows, success };
  };
  return { tune: take(parts.tune), test: parts.test && take(parts.test) };
}

/** @returns the name of the new version */
async function apply(
  folder: string,
  { policy: tunedPolicy, tuned, test }: TunedPolicy,
  parts: TuningSplit,
): Promise<string> {
  const artifact = await readArtifactFolder(folder, { reports: true });
  const { answer, provenance } = artifact.manifest;
  const named = nameThresholds(tunedPolicy);
  const policy = named?.policy ?? tunedPolicy;
  const config = { ...(provenance.config as Readonly<Record<string, unknown>>), policy };
  const { rows, quality, loss, strongShare, costSaved } = test ?? tuned;
  const what = `The policy was tuned to a ${policy.kind} of ${policy.kind === 'cascade' ? policy.steps.length : 2} candidates.`;
  const sealed = await editArtifact(artifact, {
    what,
    contents: {
      policy,
      provenance: { ...provenance, config },
      ...(named && answer ? { answer: { ...answer, thresholds: named.thresholds } } : {}),
    },
    metrics: { tunedRows: rows, quality, qualityLoss: loss, strongShare, costSaved },
    reports: dialReports(
      artifact,
      policy,
      `${what} ${sayMeasuredOn(test, parts)}: ${saySetting(test ?? tuned, lastOf(policy))}`,
    ),
  });
  return (await writeArtifact(folder, sealed)).version;
}

function goalOf({ strongShare, maxLoss, maxQualityLoss, confidence, requests }: TuneFlags) {
  const loss = maxQualityLoss ?? maxLoss! / 100;
  return strongShare === undefined
    ? ({ kind: 'max-quality-loss', loss, delta: 1 - confidence, requests } as const)
    : ({ kind: 'strong-share', share: strongShare } as const);
}
