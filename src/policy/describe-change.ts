import type { Change } from './plan.ts';
import { printNumber } from './print-number.ts';

/** A change that would put another candidate first, as a sentence that holds for the numbers it prints. */
export function describeChange(change: Change): string {
  // As far as it takes, or further.
  const isFar = (printed: number) => (change.to > change.from ? printed >= change.to : printed <= change.to);
  const from = format(change.from, (printed) => (printed - change.to) * (change.from - change.to) > 0);
  const to = format(change.to, isFar);
  switch (change.kind) {
    case 'weight':
      return `${change.candidate} would be first with the weight of ${change.weight} past ${to} instead of ${from}.`;
    case 'limit':
      return `${change.candidate} would be first with \`${change.limit}\` at ${to} instead of ${from}.`;
    case 'threshold':
      return `${change.candidate} would be first with \`${change.field}\` past ${to} instead of ${from}.`;
    case 'prediction':
      return `${change.candidate} would be first if the ${change.prediction} probability of ${change.of} were over ${to} instead of ${from}.`;
  }
}

function format(value: number, holds: (printed: number) => boolean): string {
  return Number.isInteger(value) ? String(value) : printNumber(value, holds);
}
