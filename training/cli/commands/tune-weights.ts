import { writeFile } from 'node:fs/promises';
import { type Artifact, InvalidInputError, type PolicySpec, type UtilityWeights } from 'pointsman';
import { NAMED_WEIGHTS, type WeightsName } from 'pointsman/internal';
import { readArtifactFolder } from 'pointsman/node';
import { stringify } from 'yaml';
import { editArtifact, trainedConfig } from '../../artifact/build-artifact.ts';
import { withRetrainLock } from '../../artifact/versions.ts';
import { writeArtifact } from '../../artifact/write-artifact.ts';
import { parseTrainConfig } from '../../config.ts';
import { sayWorth } from '../../evaluate/dial.ts';
import {
  type Dial,
  type DialSettingId,
  type LossShown,
  type SettingWorth,
  settingLabel,
} from '../../evaluate/evaluation.ts';
import { type CostShown, keepToCost, keepToLoss, measureSettings } from '../../evaluate/setting-worth.ts';
import { checkScores } from '../../ingest/report.ts';
import { withTraffic } from '../../train/prepare-traffic.ts';
import {
  sayingMissing,
  type TuningSplit,
  tunedOn,
  tuningSplit,
  type WeighedTraffic,
  weighTraffic,
} from '../../train/tuning-traffic.ts';
import { type TunableTest, WEIGHT_SETTINGS } from '../../tune/settings.ts';
import { formatConfidence, formatDollars, formatPoints, plural } from '../../words.ts';
import { dialOf, dialReports, sayTunedOn, WORTH_COLUMNS, worthCells } from '../terminal/describe-dial.ts';
import {
  type CommandIo,
  createProgress,
  printable,
  showTraining,
  textTable,
  wrapText,
} from '../terminal/io.ts';
import {
  type ColumnMap,
  openRouter,
  type ReadingFlags,
  readingOptions,
  readPrices,
  routerFolder,
} from '../terminal/options.ts';

/** Weights of a utility policy, and what is known of them. The result of `pointsman tune --json`. */
interface TunedWeights {
  readonly policy: PolicySpec;
  readonly weights: UtilityWeights;
  /** The setting of the dial that they are; null where they are none. */
  readonly setting: DialSettingId | null;
  /** The candidate that they are compared with; null where nothing was measured. */
  readonly against: string | null;
  readonly guarantee: LossShown | CostShown | null;
  readonly worth: SettingWorth | null;
  readonly measuredOn: 'the test split' | 'unseen prompts' | 'the same prompts' | null;
  readonly isEstimated: boolean;
  /** What they were found on; null where they were named. See `TuningParts`. */
  readonly tunedOn: TuningSplit['kind'] | null;
  /** Prompts of the traffic that were left out, and why; null where it cannot be told, or there was none. */
  readonly leftOut: ReturnType<typeof tunedOn>['leftOut'];
  /** What of the traffic they were found on, in words; null where they were named. */
  readonly found: string | null;
  /** Other weights on the same prompts, from the highest quality to the lowest cost. */
  readonly frontier: readonly { readonly weights: UtilityWeights; readonly worth: SettingWorth }[];
}

/** Sets the weights of a router: those that are named, or the best that keep to a loss or a cost. */
export async function runTuneWeights(
  folder: string,
  files: readonly string[],
  flags: TuneFlags,
  io: CommandIo,
): Promise<void> {
  // First, since a folder that a version cannot be added to should not be found out after the tuning.
  const applyTo = flags.apply ? await routerFolder(folder) : null;
  const artifact = await readArtifactFolder(folder, { reports: true });
  const dial = dialOf(artifact);
  const found =
    files.length === 0
      ? namedWeights(folder, flags, dial)
      : await findWeights(artifact, folder, files, flags, io);
  const tuned: TunedWeights = {
    ...found,
    policy: withWeights(artifact.manifest.policy as PolicySpec, found.weights),
  };
  if (flags.out !== undefined) await writeFile(flags.out, stringify(tuned.policy));
  const version = applyTo === null ? null : await withRetrainLock(applyTo, () => apply(applyTo, tuned));
  io.stdout(
    flags.json
      ? `${JSON.stringify({ ...tuned, ...(version === null ? {} : { version }) }, null, 2)}\n`
      : describeWeights(tuned, { out: flags.out ?? null, version, columns: io.columns }),
  );
}

type Found = Omit<TunedWeights, 'policy'>;

/** Weights that need no traffic: what is known of them is what the training measured. */
function namedWeights(folder: string, { setting, weights }: TuneFlags, dial: Dial | null): Found {
  const chosen =
    weights === undefined
      ? settingWeights(folder, setting!, dial)
      : typeof weights === 'string'
        ? NAMED_WEIGHTS[weights]
        : weights;
  const known = dial?.settings.find((one) => one.weights !== null && isSame(one.weights, chosen));
  return {
    weights: chosen,
    setting: setting ?? known?.id ?? null,
    against: dial?.against?.candidate ?? null,
    guarantee:
      (setting === undefined ? known : dial?.settings.find(({ id }) => id === setting))?.guarantee ?? null,
    worth: known?.worth ?? null,
    measuredOn: known?.worth ? 'the test split' : null,
    isEstimated: dial?.isEstimated ?? false,
    tunedOn: null,
    leftOut: null,
    found: null,
    frontier: [],
  };
}

/** @throws InvalidInputError where the training found no such weights. */
function settingWeights(folder: string, id: DialSettingId, dial: Dial | null): UtilityWeights {
  if (id in NAMED_WEIGHTS) return NAMED_WEIGHTS[id as WeightsName];
  const found = dial?.settings.find((one) => one.id === id);
  if (found?.weights) return found.weights;
  const why = dial?.missing ?? found?.reason ?? 'Its report has no dial.';
  throw new InvalidInputError(
    `There are no weights for "${settingLabel(id)}" in the router in ${folder}. ${why} To look for them: ` +
      `npx pointsman tune ${folder} FILES --max-loss ${id.slice('lose-'.length)}`,
  );
}

function isSame(a: UtilityWeights, b: UtilityWeights): boolean {
  return a.quality === b.quality && a.cost === b.cost && a.latency === b.latency;
}

/** On traffic: on the calibrate split of the router's own, measured on its test split; or on all of other traffic. */
async function findWeights(
  artifact: Artifact,
  folder: string,
  files: readonly string[],
  flags: TuneFlags,
  io: CommandIo,
): Promise<Found> {
  const router = await openRouter(folder);
  const { manifest } = router;
  const prices = flags.prices === undefined ? {} : { prices: await readPrices(flags.prices) };
  const progress = createProgress(io, flags.quiet === true);
  try {
    const config = parseTrainConfig(trainedConfig(manifest));
    const reading = {
      files,
      config,
      workFolder: flags.work,
      map: flags.map,
      ...readingOptions(flags),
      ...prices,
      onProgress: showTraining(progress),
    };
    const traffic = await withTraffic(reading, async (read) => read);
    checkScores(traffic.matrix, 'Tuning');
    const parts = tuningSplit(artifact, traffic);
    const { confidence } = flags;
    const options = { confidence, seed: manifest.provenance.seed };
    const { kept, weighed } = await sayingMissing(manifest.candidates, traffic.matrix, parts, async () => {
      const weighed = await weighTraffic(router, traffic, {
        parts,
        resamples: config.resamples,
        onProgress: (done, total) => progress.update('routing', done / total),
        ...(flags.against === undefined ? {} : { against: flags.against }),
      });
      progress.update('weighing');
      const kept =
        flags.meanCost === undefined
          ? keepToLoss(weighed.tune, weighed.single, flags.maxLoss! / 100, options)
          : keepToCost(weighed.tune, flags.meanCost, options);
      if (kept.weights === null) throw new InvalidInputError(kept.reason!);
      return { kept: { ...kept, weights: kept.weights }, weighed };
    });
    const measured = {
      ...measure(weighed, kept.weights),
      against: weighed.names[weighed.single],
      measuredOn:
        weighed.test === null
          ? 'the same prompts'
          : parts.kind === 'own'
            ? 'the test split'
            : 'unseen prompts',
      isEstimated: (weighed.test ?? weighed.tune).valued.isEstimated,
    } as const;
    if (flags.meanCost === undefined) checkGain(measured);
    return {
      ...measured,
      ...tunedOn(parts),
      found: sayTunedOn(parts),
      weights: kept.weights,
      setting: null,
      guarantee: kept.guarantee,
    };
  } finally {
    progress.stop();
  }
}

/** @throws InvalidInputError where weights that were found cost more than the one candidate, and are no better */
function checkGain(measured: Parameters<typeof sayMeasured>[0]): void {
  const { against, worth } = measured;
  if (worth === null || (worth.saving.estimate ?? 0) >= 0 || (worth.difference.estimate ?? 0) > 0) return;
  throw new InvalidInputError(
    `Nothing is gained by the cheapest weights that are shown to keep to the loss. ${sayMeasured(measured)} The policy of the router stays ` +
      `as it is. Always ask ${against}, or allow more loss.`,
  );
}

const FRONTIER = 12;

/** The weights that were found, among others that choose otherwise, on the same prompts. */
function measure(
  { single, test, tune }: WeighedTraffic,
  weights: UtilityWeights,
): Pick<TunedWeights, 'worth' | 'frontier'> {
  const { choose, valued } = test ?? tune;
  const different = WEIGHT_SETTINGS.filter((one, i) => {
    if (i === 0 || isSame(one, weights)) return true;
    const before = choose(WEIGHT_SETTINGS[i - 1]);
    return choose(one).some((candidate, row) => candidate !== before[row]);
  });
  const step = Math.max(1, (different.length - 1) / (FRONTIER - 1));
  const kept = new Set(Array.from({ length: FRONTIER }, (_, i) => different[Math.round(i * step)]));
  const shown = different.filter((one) => kept.has(one) || isSame(one, weights));
  const { settings } = measureSettings(valued, shown.map(choose), single);
  const frontier = shown.flatMap((one, i) => {
    const worth = settings[i];
    return typeof worth === 'string' ? [] : [{ weights: one, worth }];
  });
  return { frontier, worth: frontier.find((one) => isSame(one.weights, weights))?.worth ?? null };
}

/** The router's policy with other weights; another kind of policy gives way, but for its limits. */
function withWeights(policy: PolicySpec, weights: UtilityWeights): PolicySpec {
  if (policy.kind === 'explore')
    return { ...policy, policy: withWeights(policy.policy as PolicySpec, weights) };
  const name = (Object.keys(NAMED_WEIGHTS) as WeightsName[]).find((one) =>
    isSame(NAMED_WEIGHTS[one], weights),
  );
  const { limits, relax } = policy;
  return {
    kind: 'utility',
    weights: name ?? weights,
    ...(limits === undefined ? {} : { limits }),
    ...(relax === undefined ? {} : { relax }),
  };
}

/** @returns the name of the new version */
async function apply(folder: string, tuned: TunedWeights): Promise<string> {
  const artifact = await readArtifactFolder(folder, { reports: true });
  const { policy, setting, weights, worth } = tuned;
  const { provenance } = artifact.manifest;
  const config = { ...(provenance.config as Readonly<Record<string, unknown>>), policy };
  const named = setting === null ? '' : ` ("${settingLabel(setting)}")`;
  const what = `The policy was set to weights of ${weights.quality} for quality, ${weights.cost} for cost and ${weights.latency} for latency${named}.`;
  const sentence = [what, sayMeasured(tuned)].filter((part) => part !== '').join(' ');
  const sealed = await editArtifact(artifact, {
    what,
    contents: { policy, provenance: { ...provenance, config } },
    metrics: {
      quality: worth?.quality.estimate ?? null,
      gainOverBestSingle: worth?.difference.estimate ?? null,
      costUsd: worth?.costUsd.estimate ?? null,
      savedUsd: worth?.saving.estimate ?? null,
    },
    reports: dialReports(artifact, policy, sentence),
  });
  return (await writeArtifact(folder, sealed)).version;
}

export interface TuneFlags extends ReadingFlags {
  readonly setting?: DialSettingId;
  readonly weights?: UtilityWeights | WeightsName;
  /** In points. */
  readonly maxLoss?: number;
  /** US dollars a request, on average. */
  readonly meanCost?: number;
  /** What `meanCost` was called. */
  readonly maxCost?: string;
  readonly against?: string;
  readonly strongShare?: number;
  readonly maxQualityLoss?: number;
  readonly confidence: number;
  readonly requests?: number;
  readonly candidates?: readonly string[];
  readonly cascade?: boolean;
  readonly routing?: boolean;
  readonly perStep?: boolean;
  readonly accept?: TunableTest;
  readonly acceptScore?: string;
  readonly apply?: boolean;
  readonly map: ColumnMap;
  readonly prices?: string;
  readonly work: string;
  readonly out?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** Weights for a person: the policy, what is sure of it, what it saves, and what other weights would do. */
function describeWeights(
  tuned: TunedWeights,
  {
    columns,
    out,
    version,
  }: { readonly out: string | null; readonly version: string | null; readonly columns: number },
): string {
  const lines = [
    sayShown(tuned),
    tuned.tunedOn === 'own' ? '' : (tuned.found ?? ''),
    sayMeasured(tuned),
  ].filter((line) => line !== '');
  const where =
    (out === null ? '' : `Written to ${out}.\n`) +
    (version === null ? '' : `It is in use: version ${version} of the router.\n`);
  return (
    `${stringify(tuned.policy)}\n${lines.map((line) => `${wrapText(printable(line), columns)}\n`).join('')}` +
    `${frontierTable(tuned, columns)}${where}`
  );
}

/** What is sure of the weights, and what shows it; empty where nothing is. */
export function sayShown({ against, guarantee }: Pick<TunedWeights, 'against' | 'guarantee'>): string {
  if (guarantee === null) return '';
  const sure = `with ${formatConfidence(guarantee.confidence)} confidence`;
  const shown = `as ${plural(guarantee.rows, 'prompt')} show${guarantee.rows === 1 ? 's' : ''}`;
  return 'maxLoss' in guarantee
    ? `On requests like those it was tuned on, this policy loses at most ${formatPoints(guarantee.maxLoss)} points of mean quality against ` +
        `always using ${against}, ${sure}, ${shown} (${guarantee.by === 'learn-then-test' ? 'Learn-then-Test' : 'estimated off-policy, by a normal approximation'}).`
    : `On requests like those it was tuned on, a request costs at most ${formatDollars(guarantee.maxCostUsd)} on average, ${sure}, ` +
        `${shown} (by a normal approximation).`;
}

/** What the weights were measured to be worth; empty where they were not. */
export function sayMeasured({
  against,
  isEstimated,
  measuredOn,
  worth,
}: Pick<TunedWeights, 'against' | 'isEstimated' | 'measuredOn' | 'worth'>): string {
  if (worth === null || against === null || measuredOn === null) return '';
  const where =
    measuredOn === 'the test split'
      ? `On ${plural(worth.quality.rows, 'prompt')} of the test split`
      : measuredOn === 'unseen prompts'
        ? `On ${plural(worth.quality.rows, 'prompt')} that the router has not seen`
        : `On the same ${plural(worth.quality.rows, 'prompt')}, which flatters it`;
  return `${where}${isEstimated ? ', estimated off-policy' : ''}, ${sayWorth(worth, against)}.`;
}

function frontierTable({ against, frontier, weights }: TunedWeights, columns: number): string {
  if (frontier.length === 0) return '';
  const table = textTable(
    [{ title: 'weight of cost' }, ...WORTH_COLUMNS],
    frontier.map(({ weights: own, worth }) => [
      `${own.quality === 0 ? 'all' : own.cost}${own === weights ? ' *' : ''}`,
      ...worthCells(worth),
    ]),
    columns,
  );
  return `\nOther weights on the same prompts, beside always using ${printable(against ?? '')}; * is the one that was found:\n${table}\n`;
}
