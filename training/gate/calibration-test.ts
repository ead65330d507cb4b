import type { GateInput } from '../retrain/gate/gate.ts';
import { formatApart } from '../words/format-number.ts';
import type { GateOptions } from './gate-options.ts';
import type { GateTest } from './gate-verdict.ts';

/** Probabilities must hold: an error within the limit, or no larger than the champion's on the same rows. */
export function testCalibration(
  { challenger, champion }: GateInput['calibration'],
  { calibrationLimit }: Required<GateOptions>,
): GateTest {
  const limit = Math.max(calibrationLimit, champion ?? 0);
  const passed = challenger !== null && challenger <= limit;
  const [own, allowed] = formatApart(challenger ?? limit, limit, (error, digits) => error.toFixed(digits), 3);
  return {
    kind: 'calibration',
    passed,
    sentence:
      `The calibration error of its probabilities is ${challenger === null ? 'not known' : own}` +
      `${champion === null ? '' : `, the champion's ${champion.toFixed(3)}`}; ${allowed} is allowed.`,
    difference: null,
    limit,
  };
}
