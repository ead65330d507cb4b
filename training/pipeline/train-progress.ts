import type { EmbedProgress } from '../embedder/embed-all.ts';
import type { FoldProgress } from '../head/fit-progress.ts';
import type { IngestProgress } from '../ingest/options.ts';

/** What training is at. */
export type TrainProgress =
  | ({ readonly kind: 'read' } & IngestProgress)
  | ({ readonly kind: 'embed' } & EmbedProgress)
  /** A step begins (`folds` is null), or goes on. */
  | { readonly kind: 'step'; readonly what: string; readonly folds: FoldProgress | null };

/** Called when a step begins, and again with how far it is. */
export type OnStep = (what: string, progress?: FoldProgress) => void;
