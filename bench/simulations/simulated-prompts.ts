import type { OutcomeMatrix } from '../../training/outcomes/matrix.ts';

/**
 * Prompts of a simulated table, of which nothing but words and times is known.
 *
 * @param textOf words of each row @param timestampOf milliseconds since 1970. @default no row has a time
 */
export function simulatedPrompts(
  rows: number,
  textOf: (row: number) => string,
  timestampOf: (row: number) => number | null = () => null,
): OutcomeMatrix['prompts'] {
  return Array.from({ length: rows }, (_, row) => ({
    requestId: String(row),
    timestampMs: timestampOf(row),
    request: { text: textOf(row) },
    task: null,
    tier: null,
    source: 'simulated',
  }));
}
