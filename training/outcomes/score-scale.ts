import { InvalidInputError } from 'pointsman';
import { LOG_REASONS } from '../logs/index.ts';

/** Turns what people and programs give as scores into qualities, 0 to 1. */
export interface ScoreScale {
  /** @returns the quality, or the reason why there is none. */
  read(value: unknown): number | string;
  /** The value with a number brought to 0 to 1; what is no number stays as it is, to be judged. */
  scaled(value: unknown): unknown;
}

/**
 * @param range the lowest and the highest score, such as 1 and 5.
 * @throws InvalidInputError when the lowest is not below the highest.
 */
export function createScoreScale([low, high]: readonly [number, number] = [0, 1]): ScoreScale {
  if (!(Number.isFinite(low) && Number.isFinite(high) && low < high)) {
    throw new InvalidInputError(
      `\`scoreRange\` of IngestOptions must be the lowest and the highest score. Got ${low} to ${high}. Say for example 1..5.`,
    );
  }
  const plain = low === 0 && high === 1;
  const scaled = (value: unknown): unknown => {
    if (plain || typeof value === 'boolean') return value;
    const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
    return typeof number === 'number' && Number.isFinite(number) ? (number - low) / (high - low) : value;
  };
  return {
    scaled,
    read(value) {
      const quality = typeof value === 'boolean' ? Number(value) : scaled(numeric(value));
      if (typeof quality !== 'number') return LOG_REASONS.scoreNotNumber;
      return quality >= 0 && quality <= 1 ? quality : LOG_REASONS.scoreOutside;
    },
  };
}

function numeric(value: unknown): unknown {
  if (typeof value !== 'string' || value.trim() === '') return value;
  const number = Number(value);
  return Number.isFinite(number) ? number : value;
}
