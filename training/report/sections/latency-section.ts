import type { Evaluation } from '../../evaluate/evaluation.ts';
import type { LogHistogram } from '../../evaluation/log-histogram.ts';
import { formatDuration, formatPercent } from '../../words/format-number.ts';
import { durationFigure } from '../figures/duration-figure.ts';
import { type Html, html } from '../html.ts';

/** The router's own time, and that of the candidates it chose. */
export function latencySection({ amounts, decisionMicroseconds, routedLatencyMs }: Evaluation): Html | null {
  if (!decisionMicroseconds && !routedLatencyMs) return null;
  const quantiles = ({ maximum, p50, p95, p99 }: LogHistogram, unit: number) =>
    `median ${formatDuration(p50 * unit)}, 95 % within ${formatDuration(p95 * unit)}, 99 % within ${formatDuration(p99 * unit)}, longest ${formatDuration(maximum * unit)}.`;
  const { medianRelativeError, ratio } = amounts.latencyMs;
  return html`<h2>Time</h2>
<p class="note">Dashed lines: median and 99 % point.</p>
<div class="medium">${
    decisionMicroseconds &&
    durationFigure(
      decisionMicroseconds,
      1,
      "Histogram of the router's own time per decision.",
      `The router's own time per decision: ${quantiles(decisionMicroseconds, 1)}`,
    )
  }${
    routedLatencyMs &&
    durationFigure(
      routedLatencyMs,
      1000,
      'Histogram of the latency of the chosen candidates.',
      `Latency of the chosen candidates: ${quantiles(routedLatencyMs, 1000)}`,
    )
  }</div>
${
  ratio !== null &&
  html`<p class="note">Predicted latencies add up to ${ratio.toFixed(2)} times what was seen${
    medianRelativeError !== null && ` and are off by ${formatPercent(medianRelativeError)} in the median`
  }.</p>`
}`;
}
