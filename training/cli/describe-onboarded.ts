import type { Interval, OnboardedCandidate } from '../candidates/onboarded-candidate.ts';
import {
  formatApart,
  formatDifference,
  formatPoints,
  formatQuality,
  plural,
  pointsAsPrinted,
} from '../words/format-number.ts';
import { printable } from './printable.ts';
import { wrapText } from './wrap-text.ts';

/** What is believed of a new candidate, for a person. */
export function describeOnboarded(
  { name, probes, quality, routedBy, advantage, like }: OnboardedCandidate,
  version: string,
  columns: number,
): string {
  const sentences = [
    `${name} was added from ${plural(probes, 'probe')}. Its mean quality over the traffic is estimated at ` +
      `${formatQuality(withinScale(quality))} points (95 % interval in brackets); beside ${advantage.over}, the best of the ` +
      `others, that is ${formatDifference(advantage)} points: ${sayAdvantage(advantage)}.`,
    `It is routed by ${formatPoints(routedBy)} points${sayCaution(routedBy, quality.estimate)}, until there is traffic of its own to train on.`,
    ...sayLike(like),
    `It is in use: version ${version} of the router. Back: npx pointsman rollback, or npx pointsman candidates retire ${name}.`,
  ];
  return sentences.map((sentence) => `${wrapText(printable(sentence), columns)}\n`).join('');
}

/** An estimate is normal and may leave what a quality can be; what is said of it does not. */
function withinScale({ estimate, high, low }: Interval) {
  const within = (value: number) => Math.min(1, Math.max(0, value));
  return { estimate: within(estimate), low: within(low), high: within(high) };
}

/** What the interval says of who is better. */
export function sayAdvantage({ high, low, over }: OnboardedCandidate['advantage']): string {
  if (pointsAsPrinted(low) > 0) return `better than ${over}`;
  return pointsAsPrinted(high) < 0 ? `worse than ${over}` : 'not clearly better or worse';
}

/** By how much less than its estimate it is routed. */
export function sayCaution(routedBy: number, estimate: number): string {
  const [own, mean] = formatApart(routedBy, Math.min(1, Math.max(0, estimate)), formatPoints, 1);
  if (own === mean) return ', its estimate';
  return routedBy < estimate ? ', the lower end of what is likely' : ', which is above its estimate';
}

/** Those that it resembles; a weight of 0 or less says that it does not. */
export function sayLike(like: OnboardedCandidate['like']): string[] {
  const alike = like.filter(({ weight }) => weight >= 0.005);
  return alike.length === 0
    ? []
    : [`It is most like ${alike.map(({ name, weight }) => `${name} (${weight.toFixed(2)})`).join(', ')}.`];
}
