import { InvalidInputError } from 'pointsman';

const NANO_USD = 1e9;

/** Above it, billionths of a dollar are no longer exact. */
export const LARGEST_USD = 9e6;

/**
 * US dollars as whole billionths of a dollar.
 * @param what the subject of the message's sentence.
 * @throws InvalidInputError for what is no amount.
 */
export function toNanoUsd(usd: number, what: string): number {
  if (typeof usd !== 'number' || !(usd >= 0 && usd <= LARGEST_USD))
    throw new InvalidInputError(`${what} must be US dollars, 0 to ${LARGEST_USD}. Got ${usd}.`);
  return Math.round(usd * NANO_USD);
}

export const toUsd = (nanoUsd: number): number => nanoUsd / NANO_USD;
