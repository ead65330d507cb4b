/** Labelled prompts that travel with a router, so that a decision can be explained by them. A report: no decision needs it. */
export const EXAMPLES_FILE = 'examples.json';

/** One of them. */
export interface Example {
  readonly text: string;
  readonly task: string | null;
  /** Quality of each candidate observed, 0 to 1. */
  readonly quality: Readonly<Record<string, number>>;
}

/** Which prompts a router was made of, as keys that show nothing of them. A report, likewise: `../split/seen-prompts.ts` reads it. */
export const SEEN_FILE = 'seen.bin';
