import type { Evaluation } from '../evaluate/evaluation.ts';
import { Html, html } from './html.ts';
import { offPolicySection } from './off-policy-section.ts';
import { REPORT_STYLE } from './report.ts';
import { confusionSection } from './sections/confusion-section.ts';
import { contendersSection } from './sections/contenders-section.ts';
import { costSection } from './sections/cost-section.ts';
import { dialSection } from './sections/dial-section.ts';
import { latencySection } from './sections/latency-section.ts';
import { lossesSection } from './sections/losses-section.ts';
import { provenanceSection } from './sections/provenance-section.ts';
import { strongWeakSection } from './sections/strong-weak-section.ts';
import { tasksSection } from './sections/tasks-section.ts';
import { verdictSection } from './sections/verdict-section.ts';
import { calibrationSection } from './sections.ts';

export interface ReportOptions {
  /** Heading of the page. @default 'Router evaluation' */
  readonly title?: string;
  /** What should be known before all figures: a sentence. @default nothing */
  readonly note?: string;
}

/**
 * The evaluation as one page of HTML: no script, nothing loaded from elsewhere, readable on a phone and in the
 * dark. All that comes from the traffic is escaped. The same evaluation gives the same bytes.
 *
 * @example writeFileSync('report.html', renderReport(evaluation, { title: 'Support router' }));
 */
export function renderReport(evaluation: Evaluation, options: ReportOptions = {}): string {
  const title = options.title ?? 'Router evaluation';
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}: ${evaluation.artifactId}</title>
<style>${new Html(REPORT_STYLE)}</style>
</head>
<body>
<main>
<h1>${title}</h1>
<p class="meta">${evaluation.artifactId}, policy ${evaluation.policy}</p>
${options.note !== undefined && html`<p>${options.note}</p>`}
${verdictSection(evaluation.verdict)}
${dialSection(evaluation)}
${contendersSection(evaluation)}
${offPolicySection(evaluation)}
${costSection(evaluation)}
${strongWeakSection(evaluation.strongWeak)}
${calibrationSection(evaluation)}
${confusionSection(evaluation)}
${tasksSection(evaluation)}
${latencySection(evaluation)}
${lossesSection(evaluation.losses)}
${provenanceSection(evaluation)}
</main>
</body>
</html>
`;
  return page.markup;
}
