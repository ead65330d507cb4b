import { stringify } from 'yaml';
import type { SettingFigures, TunedPolicy, TunePolicyInput } from '../policy/index.ts';
import type { CommandIo } from './command-io.ts';
import { wrapText } from './wrap-text.ts';

export interface TuningContext {
  /** Whether the traffic is that which the router was trained on. */
  readonly isOwn: boolean;
  readonly goal: TunePolicyInput['goal'];
  /** Whether answers are judged once they are there. */
  readonly isJudged: boolean;
  /** Where the policy was written. */
  readonly out: string | null;
  /** The new version of the router that has the policy. */
  readonly version: string | null;
  readonly io: Pick<CommandIo, 'columns'>;
}

/** A tuned policy for a person: the policy, what it is sure of, and what it saves. */
export function describeTuning(
  { policy, tuned, test }: TunedPolicy,
  { isOwn, isJudged, goal, out, version, io }: TuningContext,
): string {
  const lines = [
    ...(goal.kind === 'max-quality-loss'
      ? [
          `Of requests like the ${tuned.rows.toLocaleString('en-US')} it was tuned on, this policy loses at most ` +
            `${goal.loss} of mean quality against the last candidate alone, with a confidence of ` +
            `${percent(1 - (goal.delta ?? 0.1))} (Learn-then-Test).`,
        ]
      : []),
    ...(isOwn && isJudged
      ? ['It was tuned on the fit and calibrate splits: nothing was fitted on the scores of the answers.']
      : isOwn
        ? [
            'It was tuned on the calibrate split, on which the calibrators were fitted too; what follows for the test ' +
              'split was seen by neither.',
          ]
        : ['This is not the traffic that the router was trained on, so all of it was tuned on.']),
    `${test === null ? 'On the same prompts' : 'On the test split'}: ${figures(test ?? tuned)}`,
  ];
  const where =
    (out === null ? '' : `Written to ${out}.\n`) +
    (version === null ? '' : `It is in use: version ${version} of the router.\n`);
  return `${stringify(policy)}\n${lines.map((line) => `${wrapText(line, io.columns)}\n`).join('')}${where}`;
}

function figures({ rows, loss, quality, strongShare, costSaved }: SettingFigures): string {
  const saved = costSaved === null ? '' : `, which saves ${percent(costSaved)} of its cost`;
  return (
    `${percent(strongShare)} of ${rows.toLocaleString('en-US')} requests go to the last candidate${saved}; mean ` +
    `quality ${quality.toFixed(3)}, ${Math.abs(loss).toFixed(3)} ${loss > 0 ? 'below' : 'above'} the last candidate alone.`
  );
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
