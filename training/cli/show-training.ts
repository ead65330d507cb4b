import type { TrainProgress } from '../pipeline/train-progress.ts';
import type { Progress } from './terminal/io.ts';

/** Shows what training is at. */
export function showTraining(progress: Progress): (event: TrainProgress) => void {
  return (event) => {
    switch (event.kind) {
      case 'read':
        return progress.update('reading', event.bytesRead / Math.max(1, event.bytesTotal));
      case 'embed': {
        const { cached, done, total } = event;
        const from = cached > 0 ? `, ${cached.toLocaleString('en-US')} from the cache` : '';
        return progress.update(
          `embedding ${total.toLocaleString('en-US')} prompts${from}`,
          done / Math.max(1, total),
        );
      }
      case 'step':
        if (event.folds === null) return progress.update(event.what);
        return progress.update(
          event.what,
          event.folds.fold / event.folds.folds,
          `loss ${event.folds.loss.toFixed(4)}`,
        );
    }
  };
}
