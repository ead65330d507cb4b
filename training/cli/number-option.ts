import { InvalidArgumentError } from 'commander';
import { LEAST_MEMORY_MB } from '../ingest/options.ts';

/** Reads an option that is a number above 0. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0)
    throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}

const UNITS: Readonly<Record<string, number>> = { '': 1, mb: 1, gb: 1000, tb: 1e6 };

/** Reads an option that is a size of memory, such as 4GB; a number alone is megabytes. @returns megabytes */
export function megabytes(text: string): number {
  const [, number, unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text) ?? [];
  const size = Math.floor(Number(number) * (UNITS[unit.toLowerCase()] ?? Number.NaN));
  if (!(size >= LEAST_MEMORY_MB && size < 1e9))
    throw new InvalidArgumentError(`Give a size of at least ${LEAST_MEMORY_MB}MB, such as 800MB or 4GB.`);
  return size;
}

/** Reads an option that is a number of 0 or more. */
export function nonNegativeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError('It must be a number of 0 or more.');
  return value;
}

/** Reads an option that is a whole number of 0 or more. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a whole number of 0 or more.');
  return Number(text);
}

/** Reads an option that is a probability. */
export function probability(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1))
    throw new InvalidArgumentError('It must be a number from 0 to 1.');
  return value;
}
