/** Why a batch is not trusted, and the figure it rests on. */
export interface Suspicion {
  readonly kind: 'order' | 'levels' | 'praise' | 'copies' | 'repeats';
  readonly sentence: string;
}

/** What was found of one batch, a day of one source, or of several that are too small alone. Plain JSON. */
export interface BatchScreening {
  /** "2026-11-25 pointsman"; of several "2026-11-20 to 2026-11-25 pointsman", or "2026-11-25 60 new sources" */
  readonly batch: string;
  /** The batches, where it is several. */
  readonly batches?: readonly string[];
  /** Prompts with a quality. */
  readonly rows: number;
  /** Prompts it was compared with; 0: nothing to compare with, so it is believed. */
  readonly reference: number;
  readonly suspicions: readonly Suspicion[];
}
