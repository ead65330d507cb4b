import type { CardFigure } from '../artifact/card.ts';
import type { Evaluation } from '../evaluate/evaluation.ts';
import type { Interval } from '../words/format-number.ts';

/** The figures that belong on the card: quality of the router and of every baseline, APGR, calibration. */
export function cardFigures(evaluation: Evaluation): CardFigure[] {
  const figures: CardFigure[] = evaluation.contenders.map(({ id, name, quality }) =>
    figure(
      id === 'router' ? 'routed quality' : `quality of ${name}`,
      quality,
      evaluation.offPolicy ? 'estimated off-policy, doubly robust' : 'mean quality of what was chosen',
    ),
  );
  const pair = evaluation.strongWeak;
  if (pair !== null)
    figures.push(figure('APGR', pair.router.apgr, `${pair.strong} against ${pair.weak}; random is 0.5`));
  for (const { candidate, ece10 } of evaluation.calibration.success)
    if (ece10 !== null)
      figures.push({
        name: `ECE of ${candidate}`,
        value: ece10,
        meaning: 'calibration error, ten bins of equal mass',
      });
  return figures;
}

function figure(name: string, { estimate, low, high }: Interval, meaning: string): CardFigure {
  const bounds = low === null || high === null ? {} : { low, high };
  return { name, value: estimate ?? Number.NaN, ...bounds, meaning };
}
