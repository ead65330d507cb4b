import type { IngestReport } from '../ingest/report.ts';
import { plural } from '../words/format-number.ts';

/** Answers of models take longer than so many milliseconds, and less than so many seconds. */
const FEW_SECONDS = 100;

/** A column of latencies whose name does not say its unit, and what speaks against milliseconds; null where its name says it. */
export function latencyDoubt({
  aliases,
  longestLatencyMs,
}: Pick<IngestReport, 'aliases' | 'longestLatencyMs'>): string | null {
  const column = aliases.latencyMs?.find((name) => !/ms$|milli/i.test(name));
  if (column === undefined) return null;
  const taken = `${column} is taken to be in milliseconds`;
  return longestLatencyMs === null || longestLatencyMs >= FEW_SECONDS
    ? taken
    : `${taken}, though the highest is ${Number(longestLatencyMs.toPrecision(3))}: if these are seconds, bring them to milliseconds`;
}

/** Why rows have no cost though tokens or prices were given: the end of a sentence, or nothing. */
export function costsWithout({
  costsWithout: { prices, tokens },
}: Pick<IngestReport, 'costsWithout'>): string {
  const why = [
    ...(tokens > 0
      ? [
          `${plural(tokens, 'row')} of candidates that have a price lack${tokens === 1 ? 's' : ''} tokens (if the log has them: --map inputTokens=... --map outputTokens=...)`,
        ]
      : []),
    ...(prices > 0
      ? [
          `${plural(prices, 'row')} with tokens ${prices === 1 ? 'is' : 'are'} of candidates without a price (--prices)`,
        ]
      : []),
  ];
  return why.length === 0 ? '' : `: ${why.join('; ')}`;
}

/** What to do where no row says how good its answer was, by whose logs they are. */
export function qualityAdvice(formats: IngestReport['formats'] | undefined): string {
  const kinds = new Set((formats ?? []).map(({ format }) => format));
  const isTable = kinds.size === 0 || (kinds.size === 1 && kinds.has('table'));
  if (isTable) return 'Add the column, or name yours: --map quality=your_score';
  if (kinds.size === 1 && kinds.has('pointsman'))
    return 'Give feedback: router.feedback writes it to the decision log; or give a file of it in the same command';
  return (
    'Give what says it: scores or feedback in the same command (of Langfuse the file of scores), a field of the records ' +
    '(--map quality=metadata.your_score), or a judge (--judge)'
  );
}
