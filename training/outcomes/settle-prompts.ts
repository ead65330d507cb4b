import type { DuckDBConnection } from '@duckdb/node-api';
import { rewriteRows } from '../ingest/finish.ts';
import { NestedTooDeepError, refuseDeepNesting } from '../ingest/record/values.ts';
import { LOG_REASONS } from '../logs/log-reasons.ts';
import { promptProblem } from '../logs/prompt-problem.ts';
import { readConversation } from '../logs/read-conversation.ts';
import { FIELD_REASONS } from './outcome-fields.ts';
import { quoteText } from './sql-text.ts';
import { UNREAD } from './staged-table.ts';

type Prompt = {
  readonly text: string | null;
  /** JSON of plain messages. */
  readonly messages: string | null;
};

/**
 * Reads the prompts that SQL did not know as plain, in any of the shapes that the prompts of logs have, and turns down
 * rows in which no words of a user are found.
 * @param table with the columns of `staged`
 */
export async function settlePrompts(connection: DuckDBConnection, table = 'staged'): Promise<void> {
  const written = { text: 'VARCHAR', messages: 'VARCHAR', reason: 'VARCHAR' };
  await rewriteRows(
    connection,
    ['text', 'messages'],
    written,
    async (rows) => rows.map(([text, messages]) => settled({ text, messages })),
    { where: `reason = ${quoteText(UNREAD)}`, table },
  );
}

function settled(prompt: Prompt): Prompt & { readonly reason: string | null } {
  const { text } = prompt;
  const read = prompt.messages === null ? { text } : readMessages(prompt.messages);
  if (typeof read === 'string') return { ...prompt, reason: read };
  const problem = promptProblem(read);
  const { text: words = null, messages = null } = read;
  if (problem === null)
    return { text: words, messages: messages === null ? null : JSON.stringify(messages), reason: null };
  // Messages without a word may stand beside a text that has some.
  if (text !== null && promptProblem({ text }) === null) return { text, messages: null, reason: null };
  return { ...prompt, reason: problem };
}

/** @returns the prompt, or why there is none. */
function readMessages(
  json: string,
): { readonly text?: string | null; readonly messages?: readonly unknown[] } | string {
  try {
    const value: unknown = JSON.parse(json);
    refuseDeepNesting(value);
    const isEmpty = Array.isArray(value) ? value.length === 0 : typeof value === 'number' || value === true;
    return isEmpty || value === false ? FIELD_REASONS.messages : readConversation(value);
  } catch (error) {
    return error instanceof NestedTooDeepError ? LOG_REASONS.tooDeep : FIELD_REASONS.messages;
  }
}
