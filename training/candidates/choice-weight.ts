import type { Manifest } from 'pointsman/artifact';
import type { Probes } from './read-probes.ts';

/** More than this and a hundredth of quality would decide everything. */
const MOST = 50;

/**
 * What a unit of mean quality is worth in the choice head's output: the slope, over the known candidates, of its mean
 * over the probes against their mean quality.
 *
 * @returns 0 or more; 0 where the candidates' means hardly differ
 */
export function choiceWeight({ candidates }: Manifest, { choice, own }: Probes): number {
  const columns = candidates.length;
  const count = own.quality.length;
  const center = candidates.reduce((sum, { meanQuality }) => sum + meanQuality, 0) / columns;
  let [products, squares] = [0, 0];
  candidates.forEach(({ meanQuality }, c) => {
    let output = 0;
    for (let i = 0; i < count; i++) {
      // Rows have a constant each, which the differences to the centre cancel only when it is the row's own mean.
      let level = 0;
      for (let other = 0; other < columns; other++) level += choice[i * columns + other] / columns;
      output += (choice[i * columns + c] - level) / count;
    }
    products += (meanQuality - center) * output;
    squares += (meanQuality - center) ** 2;
  });
  return squares < 1e-4 ? 0 : Math.min(MOST, Math.max(0, products / squares));
}
