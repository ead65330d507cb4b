import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { Hono } from 'hono';
import { InvalidInputError } from 'pointsman';
import { z } from 'zod';
import type { CheckedConfig } from '../config/schema.ts';
import type { DecisionRecord, DecisionRecords } from '../records/decision-records.ts';
import { bodyOf, NotThereError } from './admin-api.ts';

interface VotesParts {
  readonly config: Pick<CheckedConfig, 'log'>;
  readonly records: Pick<DecisionRecords, 'get'>;
}

/** Which of two answers is better, as somebody who looked at both says. */
export function createVotesArea(parts: VotesParts): Hono {
  const app = new Hono();
  app.post('/admin/preferences', async (context) => {
    await takeVote(parts, await bodyOf(context));
    return context.body(null, 204);
  });
  return app;
}

/** What somebody says of two answers to one prompt. */
const voteSchema = z.strictObject({
  prompt: z.string().min(1).max(50_000),
  /** The decisions whose answers were compared. */
  a: z.string().min(1).max(256),
  b: z.string().min(1).max(256),
  winner: z.enum(['a', 'b', 'tie', 'both bad']),
});

type Vote = z.output<typeof voteSchema>;

/** @throws InvalidInputError where it cannot be kept, and why */
async function takeVote({ config: { log }, records }: VotesParts, body: unknown): Promise<void> {
  const { data, error, success } = voteSchema.safeParse(body);
  if (!success)
    throw new InvalidInputError(
      `A vote must have a prompt, two decisions and a winner. ${error.issues[0]?.message}.`,
    );
  if (log?.folder === undefined)
    throw new InvalidInputError(
      'A vote is kept beside the files of the decision log, and there is none. Give `log.folder` in the configuration.',
    );
  if (log.content === 'hash')
    throw new InvalidInputError(
      'The decision log is to hold no words (`content: hash`), and without its prompt nothing can be learned from a vote.',
    );
  const [a, b] = [records.get(data.a), records.get(data.b)];
  if (a === undefined || b === undefined)
    throw new NotThereError('The two decisions must be among the newest that the gateway keeps.');
  await keepVote(log.folder, data, [a, b]);
}

/** The file of comparisons beside a decision log. */
const FILE = 'preferences.jsonl';

/**
 * Keeps a comparison where `pointsman train --format preferences` reads it: a line of JSON, as `docs/preferences.md` has them. It is on the
 * disk when this resolves.
 *
 * @param folder of the decision log.
 */
async function keepVote(
  folder: string,
  { prompt, winner }: Vote,
  [a, b]: readonly [DecisionRecord, DecisionRecord],
): Promise<void> {
  const side = ({ candidate, costUsd, decision, latencyMs }: DecisionRecord) => ({
    model: candidate ?? decision.candidate,
    ...(costUsd === null ? {} : { costUsd }),
    ...(latencyMs === null ? {} : { latencyMs }),
  });
  const line = {
    id: `${a.id} ${b.id}`,
    at: new Date().toISOString(),
    prompt,
    a: side(a),
    b: side(b),
    winner: winner === 'both bad' ? 'tie (bothbad)' : winner,
    judge: 'playground',
  };
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = await open(join(folder, FILE), 'a', 0o600);
  try {
    await file.appendFile(`${JSON.stringify(line)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}
