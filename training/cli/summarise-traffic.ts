import type { PreparedTraffic } from '../train/prepare-traffic.ts';

/** The result of `pointsman train --dry-run --json`. */
export function summariseTraffic({ ingest, splits, warnings }: PreparedTraffic) {
  const { fit, calibrate, test } = splits;
  return {
    prompts: { fit: fit.rows.length, calibrate: calibrate.rows.length, test: test.rows.length },
    ingest,
    warnings,
  };
}
