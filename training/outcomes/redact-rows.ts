import { blobValue, type DuckDBConnection } from '@duckdb/node-api';
import { rewriteRows } from '../ingest/finish.ts';
import { type RedactionPattern, redactText } from '../ingest/redact.ts';
import { redactJson } from '../redaction/redact-json.ts';

const ANSWERS = 5000;

/** Takes what is personal out of the prompts and metadata of the new rows, and out of answers that a judge will see. */
export async function redactRows(
  connection: DuckDBConnection,
  further: readonly RedactionPattern[],
): Promise<void> {
  const json = (text: string | null): string | null =>
    text === null ? null : JSON.stringify(redactJson(JSON.parse(text), further));
  const columns = { text: 'VARCHAR', messages: 'VARCHAR', metadata: 'VARCHAR' };
  await rewriteRows(connection, Object.keys(columns), columns, async (rows) =>
    rows.map(([text, messages, metadata]) => {
      const redacted = {
        text: text === null ? null : redactText(text, further),
        messages: json(messages),
        metadata: json(metadata),
      };
      const same = redacted.text === text && redacted.messages === messages && redacted.metadata === metadata;
      return same ? null : redacted;
    }),
  );
  await redactAnswers(connection, further);
}

async function redactAnswers(
  connection: DuckDBConnection,
  further: readonly RedactionPattern[],
): Promise<void> {
  const [[highest]] = (await connection.runAndReadAll('SELECT max(rowid) FROM answers')).getRows();
  for (let from = 0; highest !== null && from <= Number(highest); from += ANSWERS) {
    const reader = await connection.runAndReadAll(
      `SELECT rowid, answer FROM answers WHERE rowid >= ${from} AND rowid < ${from + ANSWERS}`,
    );
    const lines = reader.getRows().flatMap(([at, answer]) => {
      const redacted = redactText(String(answer), further);
      return redacted === answer ? [] : [JSON.stringify({ at: Number(at), answer: redacted })];
    });
    if (lines.length === 0) continue;
    await connection.run(
      `UPDATE answers SET answer = r.answer FROM (
        SELECT unnest(json_transform(line, '{"at":"BIGINT","answer":"VARCHAR"}')) FROM (
          SELECT unnest(string_split(decode($bytes::BLOB), chr(10))) AS line)) AS r WHERE answers.rowid = r."at"`,
      { bytes: blobValue(Buffer.from(lines.join('\n'))) },
    );
  }
}
