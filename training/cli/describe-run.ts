import { join } from 'node:path';
import type { RetrainRun } from '../retrain/retrain-run.ts';
import { RUNS_FOLDER } from '../retrain/write-run.ts';
import { formatCount, formatTimes, plural } from '../words/format-number.ts';
import { printable } from './printable.ts';
import { wrapText } from './wrap-text.ts';

/** What came of a retraining, for a person: the verdict first, then what to look at. */
export function describeRun(run: RetrainRun, folder: string, columns: number): string {
  const { alarms, alertProblem, challenger, champion, dryRun, restated, id, outcome, sentence, traffic } =
    run;
  const line = (text: string) => `${wrapText(printable(text), columns, '  ')}\n`;
  return [
    line(sentence),
    dryRun
      ? line(
          'This was a rehearsal (--dry-run): nothing that routes was changed, and the store has no new row.',
        )
      : '',
    ...alarms.map((alarm) => line(`Alarm: ${alarm.sentence}`)),
    ...(alertProblem === null ? [] : [line(`The alarms could not be told: ${alertProblem}.`)]),
    ...restated.map(({ before, candidate, factor, measure, outcomes }) =>
      line(
        `Brought up to date: ${plural(outcomes, 'outcome')} (${measure}) of ${candidate} from before it changed on ${before}, times ${formatTimes(factor)}.`,
      ),
    ),
    traffic === null
      ? ''
      : `\nTraffic  ${plural(traffic.rowsAdded, 'new row')} of ${formatCount(traffic.rowsInStore)}; ${plural(traffic.learn, 'prompt')} to learn from, ${formatCount(traffic.judge)} to judge by, ${formatCount(traffic.quarantined)} in quarantine\n`,
    `Router   ${inUse(outcome, champion, challenger, dryRun)}\n`,
    `Record   ${join(folder, RUNS_FOLDER, `${id}.html`)}\n`,
  ].join('');
}

function inUse(
  outcome: RetrainRun['outcome'],
  champion: string | null,
  challenger: string | null,
  dryRun: boolean,
): string {
  if (outcome !== 'promoted') return champion === null ? 'no version is in use' : `${champion} stays in use`;
  return dryRun
    ? `${challenger} would come into use; nothing was changed`
    : `${challenger} is in use${champion === null ? '' : `, before it ${champion}`}`;
}
