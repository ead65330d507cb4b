import type { Change } from './plan.ts';

/** A change that would put another candidate before the one that was chosen, as a sentence that holds for the numbers it prints. */
export function describeChange(change: Change): string {
  // As far as it takes, or further; and what it is now, on the other side of that.
  const to = format(change.to, (printed) =>
    change.to > change.from ? printed >= change.to : printed <= change.to,
  );
  const from = format(change.from, (printed) => (printed - change.to) * (change.from - change.to) > 0);
  switch (change.kind) {
    case 'weight':
      return `${change.candidate} would be first with the weight of ${change.weight} past ${to} instead of ${from}.`;
    case 'limit':
      return `${change.candidate} would come before the one that was chosen with \`${change.limit}\` at ${to} instead of ${from}.`;
    case 'threshold':
      return `${change.candidate} would be first with \`${change.field}\` past ${to} instead of ${from}.`;
    case 'prediction':
      return `${change.candidate} would be first if the ${change.prediction} probability of ${change.of} were over ${to} instead of ${from}.`;
  }
}

/** With three digits that count, or as many more as it takes for the sentence to hold. */
function format(value: number, holds: (printed: number) => boolean): string {
  if (Number.isInteger(value)) return String(value);
  let digits = 3;
  while (digits < 17 && !holds(Number(value.toPrecision(digits)))) digits++;
  return value.toPrecision(digits);
}
