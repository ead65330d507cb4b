/** What one candidate made of a prompt; null where the source does not say. */
export interface WideOutcome {
  readonly quality: number | null;
  readonly cost_usd: number | null;
}

/** One prompt with every candidate's outcome: a line of the wide JSONL form that the ingest reads. */
export interface WidePrompt {
  readonly id: string;
  readonly prompt: string;
  readonly task: string | null;
  readonly source: string;
  readonly outcomes: Readonly<Record<string, WideOutcome>>;
}
