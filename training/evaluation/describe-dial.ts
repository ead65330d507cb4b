import type { Dial, SettingWorth } from '../evaluate/evaluation.ts';
import { describeCost, describeQuality } from '../words/compare.ts';
import { formatConfidence, formatCost, formatPoints, plural } from '../words/format-number.ts';
import { isLossSetting, settingLabel } from './dial-settings.ts';

/** What the settings are measured beside, in the middle of a sentence. */
export function dialSubject({ against, isEstimated, rows }: Dial): string {
  if (against === null) return '';
  const { candidate, costUsd, quality } = against;
  return (
    `${isEstimated ? 'estimated on' : 'on'} ${plural(rows, 'test prompt')}, beside always using ${candidate} ` +
    `(${formatPoints(quality.estimate ?? 0)} points, ${formatCost(costUsd.estimate)} per 1,000 requests)`
  );
}

/** A setting in a sentence: what it is beside always using one candidate, and what it saves. */
export function sayWorth({ costUsd, difference, saving }: SettingWorth, candidate: string): string {
  const own = costUsd.estimate;
  const other = own === null || saving.estimate === null ? null : own + saving.estimate;
  const parts = [
    describeQuality(difference, `always using ${candidate}`),
    describeCost({ own, other, saving }),
  ];
  return `it ${parts.filter((part) => part !== '').join(', ')}`;
}

const FOUND_BEFORE =
  'The weights that keep to a loss are those that the training found; here they are measured, and nothing more is shown of them.';

/** What is to be said beneath the table: what is guaranteed, and why a setting has no figures. */
export function dialNotes(dial: Dial): string[] {
  return [...(dial.isExploring === true ? [EXPLORING] : []), ...settingNotes(dial)];
}

const EXPLORING =
  'Settings are measured without exploring; the policy in use explores beside, so that what is said of the router itself differs.';

function settingNotes({ against, settings }: Dial): string[] {
  const shown = settings.flatMap(({ guarantee }) => (guarantee === null ? [] : [guarantee]));
  const notes = settings.flatMap(({ id, reason }) =>
    reason === null ? [] : [`${settingLabel(id)}: ${reason}`],
  );
  const isFound = settings.some(({ guarantee, id, weights }) => {
    return isLossSetting(id) && weights !== null && guarantee === null;
  });
  if (isFound) return [FOUND_BEFORE, ...notes];
  if (shown.length === 0 || against === null) return notes;
  const { by, confidence, rows } = shown[0];
  const losses = shown.map(({ maxLoss }) => String(100 * maxLoss));
  const list = losses.length === 1 ? losses[0] : `${losses.slice(0, -1).join(', ')} and ${losses.at(-1)}`;
  return [
    `At most ${list} ${losses.length === 1 && losses[0] === '1' ? 'point' : 'points'} below always using ${against.candidate}: ` +
      `${losses.length === 1 ? '' : 'each '}${by === 'learn-then-test' ? 'shown' : 'estimated, by a normal approximation,'} on ` +
      `${plural(rows, 'prompt')} of the calibrate split, with ${formatConfidence(confidence)} confidence` +
      `${by === 'learn-then-test' ? ' (Learn-then-Test)' : ''}.`,
    ...notes,
  ];
}
