import { InvalidInputError } from 'pointsman';
import type { ScoreRange } from './find-scale.ts';

/** What is known of scores that cannot be read until somebody says how. */
export interface UnclearScores {
  /** Names of scores, one of which is the quality, and how often each was seen: the commonest first. */
  readonly names?: readonly (readonly [name: string, count: number])[];
  /** Scales that they may be on, if any. */
  readonly ranges?: readonly ScoreRange[];
}

/** Scores on several scales, on one whose ends cannot be told, or of several names. */
export class UnclearScoresError extends InvalidInputError {
  readonly unclear: UnclearScores;

  constructor(message: string, unclear: UnclearScores = {}) {
    super(message);
    this.unclear = unclear;
  }
}
