import type { Interval, OnboardedCandidate } from '../candidates/index.ts';
import { wrapText } from './wrap-text.ts';

/** What is believed of a new candidate, for a person. */
export function describeOnboarded(
  { name, probes, quality, routedBy, advantage, like }: OnboardedCandidate,
  version: string,
  columns: number,
): string {
  const sentences = [
    `${name} was added from ${probes} probes. Its mean quality over the traffic is ${shown(quality)}; against ` +
      `${advantage.over}, the best of the others, that is ${shown(advantage, true)}.`,
    `It is routed by ${routedBy.toFixed(3)}, the lower end of what is likely, until there is traffic of its own to train on.`,
    `It is most like ${like.map(({ name: other, weight }) => `${other} (${weight.toFixed(2)})`).join(', ')}.`,
    `It is in use: version ${version} of the router. Back: pointsman rollback, or pointsman candidates retire ${name}.`,
  ];
  return sentences.map((sentence) => `${wrapText(sentence, columns)}\n`).join('');
}

function shown({ estimate, low, high }: Interval, isDifference = false): string {
  const number = (value: number) => `${isDifference && value > 0 ? '+' : ''}${value.toFixed(3)}`;
  return `${number(estimate)} (95 %: ${number(low)} to ${number(high)})`;
}
