import type { IngestReport } from '../outcomes/ingest-report.ts';

/** The report of an ingest in words, one fact per line. */
export function describeIngest(report: IngestReport): string {
  const number = (value: number): string => value.toLocaleString('en-US');
  const lines = [
    `${number(report.rowsAccepted)} of ${number(report.rowsRead)} rows accepted: ${number(report.prompts)} prompts, ${report.candidates.length} candidates (${report.candidates.slice(0, 12).join(', ')}${report.candidates.length > 12 ? ', ...' : ''})`,
  ];
  for (const { reason, count, examples } of report.rejected) {
    const places = examples.slice(0, 3).map(({ file, line }) => `${file}:${line}`);
    lines.push(
      `  ${number(count)} rejected, ${reason}: ${places.join(', ')}${count > places.length ? ', ...' : ''}`,
    );
  }
  for (const [field, columns] of Object.entries(report.aliases)) {
    lines.push(`  ${field} read from ${columns.join(', ')}`);
  }
  if (report.aliases.latencyMs?.includes('latency')) lines.push('  latency is taken to be in milliseconds');
  if (report.ignoredColumns.length > 0) lines.push(`  not read: ${report.ignoredColumns.join(', ')}`);
  if (report.cellsNotObserved > 0)
    lines.push(`  ${number(report.cellsNotObserved)} cells without an outcome`);
  if (report.costsDerived > 0)
    lines.push(`  ${number(report.costsDerived)} costs computed from tokens and prices`);
  if (report.costsMissing > 0) lines.push(`  ${number(report.costsMissing)} rows without a cost`);
  if (report.promptsWithConflictingText > 0) {
    lines.push(
      `  ${number(report.promptsWithConflictingText)} request ids come with different texts; the first candidate's is used`,
    );
  }
  return `${lines.join('\n')}\n`;
}
