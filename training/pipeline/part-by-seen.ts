import type { Artifact } from 'pointsman/artifact';
import { SEEN_FILE } from '../artifact/examples.ts';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import { groupPrompts } from '../split/prompt-groups.ts';
import { decodeSeenPrompts, type SeenRole } from '../split/seen-prompts.ts';
import { formatCount, plural } from '../words/format-number.ts';

/** Prompts of traffic by what a router has seen of them: rows of the matrix, ascending. */
export interface SeenParts {
  /** Neither these nor near-duplicates of them. */
  readonly unseen: Int32Array;
  /** Its calibrators were fitted on them, or on near-duplicates of them; its heads were not. */
  readonly calibrate: Int32Array;
  /** Its heads were fitted on them, or on near-duplicates of them. */
  readonly fit: Int32Array;
}

/**
 * Parts traffic by what a router has seen of it, whatever file it comes in. A prompt counts as seen when it is that of the
 * training but for case and white space, or a near-duplicate of another prompt of the traffic that is.
 *
 * @param artifact read with its reports
 * @param groups near-duplicate group of each prompt. @default they are found
 * @returns why it cannot be told, where the artifact has no record: a sentence.
 * @throws InvalidInputError when its record is of a newer version.
 */
export function partBySeen(
  { manifest, reports }: Artifact,
  traffic: Pick<OutcomeMatrix, 'prompts'>,
  groups?: Int32Array,
): SeenParts | string {
  const record = reports?.files.get(SEEN_FILE);
  if (record === undefined)
    return `Whether the router was trained on some of these prompts cannot be told: ${whyNone(reports)}`;
  const seen = decodeSeenPrompts(record, manifest.provenance.dataFingerprint);
  const own = traffic.prompts.map((prompt) => seen.roleOf(prompt));
  const rows = [...own.keys()];
  if (own.every((role) => role === null))
    return { unseen: Int32Array.from(rows), calibrate: new Int32Array(), fit: new Int32Array() };
  const groupOf = groups ?? groupPrompts(traffic).groups;
  const groupsOf = (role: SeenRole) =>
    new Set(rows.filter((row) => own[row] === role).map((row) => groupOf[row]));
  const [fitted, calibrated] = [groupsOf('fit'), groupsOf('calibrate')];
  const isFit = (row: number) => fitted.has(groupOf[row]);
  const isCalibrate = (row: number) => !isFit(row) && calibrated.has(groupOf[row]);
  return {
    unseen: Int32Array.from(rows.filter((row) => !isFit(row) && !isCalibrate(row))),
    calibrate: Int32Array.from(rows.filter(isCalibrate)),
    fit: Int32Array.from(rows.filter(isFit)),
  };
}

function whyNone(reports: Artifact['reports']): string {
  if (reports === undefined) return 'its reports were not read.';
  return (
    reports.changed.get(SEEN_FILE) ??
    `it has no ${SEEN_FILE}, as routers of earlier versions have none. If it was, what follows flatters it.`
  );
}

/** What was left out and why, as a sentence; null where nothing was. @param calibrateToo whether the calibrate prompts were */
export function sayLeftOut({ calibrate, fit, unseen }: SeenParts, calibrateToo = true): string | null {
  const left = fit.length + (calibrateToo ? calibrate.length : 0);
  if (left === 0) return null;
  const all = fit.length + calibrate.length + unseen.length;
  return (
    `${formatCount(left)} of ${plural(all, 'prompt')} ${left === 1 ? 'was' : 'were'} left out: the router was ` +
    `${!calibrateToo || calibrate.length === 0 ? 'fitted' : fit.length === 0 ? 'calibrated' : 'fitted or calibrated'} on ` +
    `${left === 1 ? 'it or on a near-duplicate of it' : 'them or on near-duplicates of them'}.`
  );
}
