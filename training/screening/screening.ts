/** Why a batch is not trusted, and the figure it rests on. */
export interface Suspicion {
  readonly kind: 'order' | 'levels' | 'praise' | 'copies' | 'repeats';
  readonly sentence: string;
}

/** What was found of one batch: a day of one source. Plain JSON. */
export interface BatchScreening {
  /** "2026-11-25 pointsman" */
  readonly batch: string;
  /** Prompts with a quality. */
  readonly rows: number;
  /** Prompts it was compared with; 0: nothing to compare with, so it is believed. */
  readonly reference: number;
  readonly suspicions: readonly Suspicion[];
}
