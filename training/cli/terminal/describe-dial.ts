import type { Artifact, PolicySpec } from 'pointsman';
import { stringify } from 'yaml';
import { dialNotes, dialSubject, hasWeights, readDial, settingToTry } from '../../evaluate/dial.ts';
import type { Dial, Ways } from '../../evaluate/evaluation.ts';
import { qualityAtCost, WAY_NAMES, waysCommand, waysNotes, waysSubject } from '../../evaluate/ways.ts';
import type { TuningSplit } from '../../train/tuning-traffic.ts';
import type { SettingFigures } from '../../tune/settings.ts';
import { nameThresholds, type TunedPolicy, type TunePolicyInput } from '../../tune/tune-policy.ts';
import {
  formatConfidence,
  formatCost,
  formatCosts,
  formatCount,
  formatDifference,
  formatPercent,
  formatPoints,
  formatShares,
  plural,
} from '../../words.ts';
import { type CommandIo, printable, quoted, type TextColumn, textTable, wrapText } from './io.ts';

/**
 * The dial for a person: quality, cost and saving from the highest quality to the lowest cost, and the command that sets it.
 * @param folder of the router, as it is given to commands
 */
export function describeDial(dial: Dial, folder: string, columns: number): string {
  const line = (text: string) => `${wrapText(printable(text), columns, '  ')}\n`;
  if (dial.missing !== null) return line(`No dial between quality and cost: ${dial.missing}`);
  const table = textTable(
    [{ title: 'setting' }, ...WORTH_COLUMNS],
    dial.settings.map(({ id, worth }) => [id === dial.inUse ? `${id} *` : id, ...worthCells(worth)]),
    columns,
  );
  return (
    line(`Quality against cost, ${dialSubject(dial)}:`) +
    `${table}${dialNotes(dial).map(line).join('')}` +
    `${dial.inUse === null ? '' : '* in use. '}Set one: npx pointsman tune ${quoted(folder)} --setting ${settingToTry(dial)} --apply\n` +
    `${dial.ways === undefined ? '' : `\n${describeWays(dial.ways, folder, columns)}`}`
  );
}

/** Shares of the last candidate's cost that qualities are printed at. */
const COST_SHARES = [0.1, 0.25, 0.5, 0.75, 1];

/** Ways to ask beside each other: what each reaches for a share of the cost, and what it saves for a loss. */
function describeWays(ways: Ways, folder: string, columns: number): string {
  const line = (text: string) => `${wrapText(printable(text), columns, '  ')}\n`;
  if (ways.missing !== null) return line(`Ways to ask are not compared: ${ways.missing}`);
  const measured = ways.ways.filter(({ missing }) => missing === null);
  const last = ways.chain[ways.chain.length - 1];
  const alone = ways.singles[ways.singles.length - 1];
  const reached = textTable(
    [
      { title: 'quality at a cost of' },
      ...COST_SHARES.map((share) => ({ title: formatPercent(share, 0), align: 'right' as const })),
    ],
    measured.map(({ curve, id }) => [
      WAY_NAMES[id],
      ...COST_SHARES.map((share) => {
        const quality = qualityAtCost(curve, share * alone.cost);
        return quality === null ? '–' : formatPoints(quality, 1);
      }),
    ]),
    columns,
  );
  const losses = measured.find(({ savings }) => savings.length > 0)?.savings.map(({ maxLoss }) => maxLoss);
  const saved =
    losses === undefined
      ? ''
      : textTable(
          [
            { title: 'saved (95 %) at a loss of' },
            ...losses.map((loss) => ({ title: `${formatPoints(loss, 0)} or less` })),
          ],
          measured.map(({ id, savings }) => [
            WAY_NAMES[id],
            ...savings.map(({ savedShare }) => formatShares(savedShare)),
          ]),
          columns,
        );
  const subject =
    `${waysSubject(ways).replace(/^w/, 'W')}, beside always using ${last} (${formatPoints(alone.quality)} points, ` +
    `${formatCost(alone.cost)} per 1,000 requests):`;
  const command = `Set one: ${waysCommand(ways, quoted(folder))} and --cascade, --accept answer or --routing\n`;
  return `${line(subject)}${reached}${saved}${waysNotes(ways).map(line).join('')}${command}`;
}

/** What a setting is worth beside the best single candidate, as columns of a table. */
export const WORTH_COLUMNS: readonly TextColumn[] = [
  { title: 'quality', align: 'right' },
  { title: 'difference (95 %)' },
  { title: '$ per 1,000', align: 'right' },
  { title: '$ saved per 1,000 (95 %)' },
  { title: 'saved', align: 'right' },
];

/** The cells of {@link WORTH_COLUMNS}. @param worth null where it was not measured */
export function worthCells(worth: Dial['settings'][number]['worth']): string[] {
  return [
    worth === null ? '–' : formatPoints(worth.quality.estimate ?? 0),
    formatDifference(worth?.difference ?? null),
    formatCost(worth?.costUsd.estimate),
    formatCosts(worth?.saving ?? null),
    formatPercent(worth?.savedShare?.estimate ?? null, 0),
  ];
}

interface TuningContext {
  readonly parts: TuningSplit;
  readonly goal: TunePolicyInput['goal'];
  /** Whether answers are judged once they are there. */
  readonly isJudged: boolean;
  /** Prompts that were left out, since the answer head could not read every answer. */
  readonly withoutAnswers: number;
  /** What of the policy in use was not looked at: sentences. */
  readonly notTuned: readonly string[];
  /** Where the policy was written. */
  readonly out: string | null;
  /** The new version of the router that has the policy. */
  readonly version: string | null;
  readonly io: Pick<CommandIo, 'columns'>;
}

/** A tuned policy for a person: the policy, what it is sure of, and what it saves. */
export function describeTuning(
  { policy, tuned, test }: TunedPolicy,
  { parts, isJudged, goal, notTuned, out, version, withoutAnswers, io }: TuningContext,
): string {
  const lines = [
    ...(goal.kind === 'max-quality-loss'
      ? [
          `On ${goal.requests === undefined ? '' : `${formatCount(goal.requests)} `}requests like the ${formatCount(tuned.rows)} it was tuned on, this policy loses at most ${formatPoints(goal.loss)} ` +
            `points of mean quality against ${lastOf(policy)} alone, with ${formatConfidence(1 - (goal.delta ?? 0.1))} confidence ` +
            '(Learn-then-Test).',
        ]
      : []),
    ...(isJudged && parts.kind === 'own'
      ? ['It was tuned on the fit and calibrate splits: nothing was fitted on the scores of the answers.']
      : isJudged
        ? ['All of the traffic was tuned on: nothing was fitted on the scores of the answers.']
        : [sayTunedOn(parts)]),
    ...(withoutAnswers === 0
      ? []
      : [
          `${plural(withoutAnswers, 'prompt')} more ${withoutAnswers === 1 ? 'was' : 'were'} left out: answers that are judged are not there.`,
        ]),
    ...notTuned,
    ...(version !== null && nameThresholds(policy) !== null
      ? ['In the router these thresholds are called `tuned`, and are kept with its answer head.']
      : []),
    `${sayMeasuredOn(test, parts)}: ${saySetting(test ?? tuned, lastOf(policy))}`,
    ...(goal.kind === 'max-quality-loss' && test !== null && test.loss > goal.loss
      ? ['That is more than is allowed; these prompts do not show that it is more than chance.']
      : []),
  ];
  const where =
    (out === null ? '' : `Written to ${out}.\n`) +
    (version === null ? '' : `It is in use: version ${version} of the router.\n`);
  return `${stringify(policy)}\n${lines.map((line) => `${wrapText(line, io.columns)}\n`).join('')}${where}`;
}

/** What a dial was set on, and what was left out of it. */
export function sayTunedOn({ kind, note, seen, test }: TuningSplit): string {
  if (kind === 'own')
    return 'It was tuned on the calibrate split, on which the calibrators were fitted too; what follows for the test split was seen by neither.';
  if (kind === 'calibrate') {
    const after =
      test === null ? '' : '; what follows for those that the router has not seen was seen by neither';
    return [note, `It was tuned on prompts that the router was calibrated on${after}.`]
      .filter(Boolean)
      .join(' ');
  }
  if (seen === null) return `All of the traffic was tuned on. ${note}`;
  if (note !== null) return `${note} It was tuned on all others, none of which the router has seen.`;
  return 'This is not the traffic that the router was trained on, so all of it was tuned on.';
}

/** What figures of a setting are of, at the beginning of a sentence. */
export function sayMeasuredOn(test: unknown, { kind }: Pick<TuningSplit, 'kind'>): string {
  if (test === null) return 'On the same prompts, which flatters it';
  return kind === 'own' ? 'On the test split' : 'On the prompts that the router has not seen';
}

/** The candidate that all is compared with: the strong one, or the last of a cascade. */
export function lastOf(policy: PolicySpec): string {
  if (policy.kind === 'threshold') return policy.strong;
  const use = policy.kind === 'cascade' ? policy.steps.at(-1)?.use : undefined;
  return typeof use === 'string' ? use : 'the last candidate';
}

/** What a setting did: who answered, what it saved, and how good it was. @param last whom it is compared with */
export function saySetting(
  { rows, loss, quality, strongShare, costSaved }: SettingFigures,
  last: string,
): string {
  const share = `${last} answers ${formatPercent(strongShare)} of ${plural(rows, 'request')}`;
  return `${share}${saySaved(costSaved, last)}; mean quality ${formatPoints(quality)} points, ${sayLoss(loss, last)}.`;
}

function saySaved(saved: number | null, last: string): string {
  if (saved === null) return ', and costs are not known';
  if (Math.abs(saved) < 0.0005) return `, at the cost of ${last} alone`;
  return saved > 0
    ? `, which saves ${formatPercent(saved)} of the cost of ${last} alone`
    : `, which costs ${formatPercent(-saved)} more than ${last} alone`;
}

function sayLoss(loss: number, last: string): string {
  const points = formatPoints(Math.abs(loss));
  if (!/[1-9]/.test(points)) return `as ${last} alone`;
  return `${points} points ${loss > 0 ? 'below' : 'above'} ${last} alone`;
}

const METRICS = 'metrics.json';

/** The dial in an artifact's report; null where it has none. @param artifact read with its reports */
export function dialOf({ reports }: Pick<Artifact, 'reports'>): Dial | null {
  const metrics = reports?.files.get(METRICS);
  return metrics === undefined ? null : readDial(metrics);
}

/**
 * What goes along of the reports where the policy alone changes: the heads are as they were, and so is what each setting of
 * the dial is worth.
 * @param sentence what was done, and what it is worth: what `pointsman inspect` says first
 */
export function dialReports(
  artifact: Pick<Artifact, 'reports'>,
  policy: unknown,
  sentence: string,
): ReadonlyMap<string, Uint8Array> {
  const dial = dialOf(artifact);
  if (dial === null) return new Map();
  const inUse =
    dial.settings.find(({ weights }) => weights !== null && hasWeights(policy, weights))?.id ?? null;
  const isExploring = (policy as { kind?: unknown }).kind === 'explore';
  const metrics = { schemaVersion: 1, verdict: { sentence }, dial: { ...dial, inUse, isExploring } };
  return new Map([[METRICS, new TextEncoder().encode(`${JSON.stringify(metrics, null, 2)}\n`)]]);
}
