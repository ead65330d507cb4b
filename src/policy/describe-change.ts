import type { Change } from './plan.ts';

/** A change that would put another candidate first, as a sentence. */
export function describeChange(change: Change): string {
  const from = format(change.from);
  const to = format(change.to);
  switch (change.kind) {
    case 'weight':
      return `${change.candidate} would be first with the weight of ${change.weight} at ${to} instead of ${from}.`;
    case 'limit':
      return `${change.candidate} would be first with \`${change.limit}\` at ${to} instead of ${from}.`;
    case 'threshold':
      return `${change.candidate} would be first with \`${change.field}\` past ${to} instead of ${from}.`;
    case 'prediction':
      return `${change.candidate} would be first if the ${change.prediction} probability of ${change.of} were over ${to} instead of ${from}.`;
  }
}

function format(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toPrecision(3);
}
