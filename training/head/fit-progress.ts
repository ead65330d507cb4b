/** How far a fit is. */
export interface FitProgress {
  readonly step: number;
  /** Most steps there can be; it may end before. */
  readonly steps: number;
  /** Mean loss so far, per unit of weight. */
  readonly loss: number;
  /** A guess from the steps so far. */
  readonly secondsLeft: number;
}

export type OnProgress = (progress: FitProgress) => void;

/** How far a cross-validation is. */
export interface FoldProgress {
  /** Folds done. */
  readonly fold: number;
  readonly folds: number;
  /** Mean loss of the fit under way, on the rows it learns from. */
  readonly loss: number;
}

export type OnFold = (progress: FoldProgress) => void;

/**
 * Reports the steps of a fit that ends when what is left to gain falls below `tolerance` (a share of the loss). The
 * gain falls by about the same factor at every step, which is what the time left is reckoned from.
 */
export function createProgressMeter(
  steps: number,
  tolerance: number,
  onProgress: OnProgress | undefined,
): (step: number, loss: number, gainLeft: number) => void {
  if (onProgress === undefined) return () => {};
  const started = performance.now();
  let first = 0;
  return (step, loss, gainLeft) => {
    if (step === 0) first = gainLeft;
    const perStep = step === 0 ? 0 : (performance.now() - started) / 1000 / step;
    const decay = step === 0 ? 0 : Math.log(first / gainLeft) / step;
    const byDecay = decay > 0 ? Math.max(0, Math.ceil(Math.log(gainLeft / tolerance) / decay)) : steps;
    onProgress({ step, steps, loss, secondsLeft: perStep * Math.min(steps - step, byDecay) });
  };
}
