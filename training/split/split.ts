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
