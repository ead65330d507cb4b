import type { DuckDBConnection } from '@duckdb/node-api';
import type { Judge, JudgeAnswer } from '../ingest/judge.ts';
import type { readIngestOptions } from '../ingest/options.ts';
import { openJudge } from '../judge/open-judge.ts';
import { VerdictCache } from '../judge/verdict-cache.ts';
import { redactJson } from '../redaction/redact-json.ts';
import { redactionPatterns } from '../redaction/redaction-patterns.ts';
import { dropPrompts, hashPrompts } from './hash-rows.ts';
import { type JudgeReport, judgeRows } from './judge-rows.ts';
import { redactRows } from './redact-rows.ts';

/**
 * What is done to the new rows before they are written: personal data is taken out first, so that a judge does not see
 * it either; then answers are judged; then, where no word is to be kept, prompts become embeddings.
 */
export async function finishRows(
  connection: DuckDBConnection,
  settings: ReturnType<typeof readIngestOptions>,
): Promise<JudgeReport | null> {
  const { embedder, judge, keep, onStep, out, redact } = settings;
  if (keep === 'hashes') await hashPrompts(connection);
  if (redact !== false) await redactRows(connection, redactionPatterns(redact === true ? {} : redact));
  const report =
    judge === undefined
      ? null
      : await judgeRows(
          connection,
          await judgeOf(judge),
          await VerdictCache.open(settings.judgeCache ?? `${out}.judged`),
          {
            concurrency: settings.judgeConcurrency,
            onProgress: (done, total) => onStep?.('judging answers', done, total),
          },
        );
  if (keep === 'hashes' && embedder !== undefined)
    await dropPrompts(connection, embedder, (done, total) => onStep?.('embedding prompts', done, total));
  return report;
}

/** What takes out of a prompt, as a text or as messages, what `redact` takes out of the rows. */
export function cleaning(
  redact: ReturnType<typeof readIngestOptions>['redact'],
): (prompt: unknown) => unknown {
  if (redact === false) return (prompt) => prompt;
  const patterns = redactionPatterns(redact === true ? {} : redact);
  return (prompt) => redactJson(prompt, patterns);
}

/** A function is known by its source. */
async function judgeOf(judge: string | JudgeAnswer): Promise<Judge> {
  return typeof judge === 'string' ? openJudge(judge) : { id: String(judge), judge };
}
