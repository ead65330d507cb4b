import { createRandom, sigmoid } from 'pointsman/internal';
import { chooseCalibrators } from '../../training/calibrate/choose-calibrator.ts';
import { atLeast, atMost, type BenchLine, mended } from '../bench-line.ts';

const DRAWS = 60;
const CANDIDATES = 4;

/** How often candidates get a calibrator each, where one is right for all of them, and where it is not. */
export function simulateSharedCalibrator(onProgress: (what: string) => void): BenchLine[] {
  onProgress('shared calibrator');
  const note = `${DRAWS} draws of ${CANDIDATES} candidates, 250 prompts`;
  return [
    mended(
      '18.3 %',
      atMost(
        'one calibrator is right for all: each gets its own in',
        100 * apartShare(DRAWS, 0),
        '%',
        5,
        note,
      ),
    ),
    mended(
      '16.7 %',
      atMost(
        'the same, each prompt four times: each gets its own in',
        100 * apartShare(DRAWS, 0, 4),
        '%',
        5,
        note,
      ),
    ),
    mended(
      '100 %',
      atLeast(
        'candidates are off by 1 in logits, up or down: each gets its own in',
        100 * apartShare(DRAWS, 1),
        '%',
        95,
        note,
      ),
    ),
  ];
}

/**
 * @param off by how much the logit of every other candidate is too high, and that of the others too low
 * @returns share of draws in which candidates got calibrators of their own
 */
export function apartShare(draws: number, off: number, repeats = 1): number {
  let apart = 0;
  for (let seed = 0; seed < draws; seed++) {
    const random = createRandom(seed);
    const prompts = 250;
    const logits = Float32Array.from({ length: prompts * CANDIDATES }, () => 0.5 + random.normal());
    const answers = Float32Array.from(logits, (z, i) =>
      Number(random.next() < sigmoid(z / 2 + (i % 2 === 0 ? off : -off))),
    );
    const repeat = (cells: Float32Array) => ({
      rows: prompts * repeats,
      columns: CANDIDATES,
      values: Float32Array.from({ length: cells.length * repeats }, (_, i) => cells[i % cells.length]),
    });
    const { calibrators } = chooseCalibrators(repeat(logits), repeat(answers), null, {
      groups: Int32Array.from({ length: prompts * repeats }, (_, row) => row % prompts),
      seed,
    });
    if (new Set(calibrators.map(({ parameters }) => JSON.stringify(parameters))).size > 1) apart++;
  }
  return apart / draws;
}
