/** The three uses of a prompt. Each is its own type, so passing the wrong one does not compile. */
export type SplitRole = 'fit' | 'calibrate' | 'test';

/** Rows (indices of an OutcomeMatrix, ascending) that may be used for one purpose only. */
export interface Split<Role extends SplitRole> {
  readonly role: Role;
  readonly rows: Int32Array;
}

export interface Splits {
  readonly fit: Split<'fit'>;
  readonly calibrate: Split<'calibrate'>;
  readonly test: Split<'test'>;
}

/** Names three lists of rows by their use. */
export function nameSplits(fit: Int32Array, calibrate: Int32Array, test: Int32Array): Splits {
  return {
    fit: { role: 'fit', rows: fit },
    calibrate: { role: 'calibrate', rows: calibrate },
    test: { role: 'test', rows: test },
  };
}
