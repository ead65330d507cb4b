import fc from 'fast-check';
import pg from 'pg';
import { createDecisionLog, type LogRecord, parseLogRecord } from 'pointsman/log';
import { createPostgresSink, createPostgresTable, postgresTableSql } from 'pointsman/log/postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findPostgres, type PostgresServer, startPostgres } from '../../../fixtures/postgres-server.ts';
import { aDecision } from '../a-decision.ts';
import { RECORDS } from '../log-records.ts';

// Debian: apt-get install postgresql. `.ci/run` does so.
const missing = findPostgres() === undefined;

describe.skipIf(missing)(
  'the PostgreSQL sink, on a server (skipped where PostgreSQL is not installed)',
  () => {
    let server: PostgresServer;
    let pool: pg.Pool;
    let tables = 0;

    beforeAll(async () => {
      server = await startPostgres();
      pool = poolOf(server);
    });
    afterAll(async () => {
      await pool?.end();
      await server?.stop();
    });

    /** A sink on an empty table, and what is in it. */
    async function emptyTable() {
      const table = `log_${tables++}`;
      await createPostgresTable(pool, table);
      const rows = async (): Promise<LogRecord[]> =>
        (await pool.query(`SELECT record FROM ${table} ORDER BY at, key`)).rows.map(({ record }) => record);
      return { table, sink: createPostgresSink({ client: pool, table }), rows };
    }

    it('keeps records of each kind as they are, with their time and their decision', async () => {
      const { table, sink, rows } = await emptyTable();
      await sink.write(RECORDS);
      const kept = await rows();
      expect(kept).toHaveLength(RECORDS.length);
      expect(kept).toEqual(expect.arrayContaining([...RECORDS]));
      for (const record of kept) expect(parseLogRecord(record)).toEqual(record);
      const { rows: found } = await pool.query(
        `SELECT kind, at FROM ${table} WHERE id = $1 AND kind = 'decision'`,
        [(RECORDS[0] as { id: string }).id],
      );
      expect(found).toEqual([{ kind: 'decision', at: new Date(RECORDS[0].at) }]);
    });

    it('leaves a batch that comes again alone, and keeps apart what only looks the same', async () => {
      const { sink, rows } = await emptyTable();
      const [decision, , feedback] = RECORDS;
      await sink.write([decision, feedback]);
      await sink.write([decision, feedback, feedback]);
      expect(await rows()).toHaveLength(2);
      await sink.write([{ ...feedback, quality: 0.5 } as LogRecord]);
      expect(await rows()).toHaveLength(3);
    });

    it('takes any text; what PostgreSQL cannot keep becomes a sign that stands for it', async () => {
      const { sink, rows } = await emptyTable();
      let n = 0;
      await fc.assert(
        fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 40 }), async (text) => {
          const id = `hostile-${n++}`;
          await sink.write([
            { ...RECORDS[0], id, request: { text: `${text}\0\\u0000\ud800'` } } as LogRecord,
          ]);
        }),
        { numRuns: 60 },
      );
      const kept = await rows();
      expect(kept).toHaveLength(n);
      for (const record of kept) {
        const { text } = (record as { request: { text: string } }).request;
        expect(text.endsWith("\ufffd\\u0000\ufffd'")).toBe(true);
        expect(text).not.toMatch(/\p{Surrogate}/u);
      }
    });

    it('of a log loses nothing while the server is away, and writes nothing twice', async () => {
      const { table, rows } = await emptyTable();
      // Its pool loses every connection when the server goes.
      const own = poolOf(server);
      const lost: unknown[] = [];
      const log = createDecisionLog({
        sink: createPostgresSink({ client: own, table }),
        batch: 50,
        flushMs: 5,
        retries: 1000,
        onError: (error) => lost.push(error),
      });
      const tell = (from: number, to: number) => {
        for (let i = from; i < to; i++)
          log.feedback(log.decided(aDecision(), { text: `prompt ${i}` }), { quality: 1 });
      };
      tell(0, 200);
      await log.flush();
      await server.kill();
      tell(200, 400);
      expect(log.stats()).toMatchObject({ written: 400, pending: 400 });
      await server.start();
      await log.close();
      expect(log.stats()).toMatchObject({ written: 800, failed: 0, dropped: 0, pending: 0 });
      expect(lost).toEqual([]);
      expect(await rows()).toHaveLength(800);
      await own.end();
    });
  },
);

it('a table whose name is none is refused before anything is asked of a server', () => {
  const client = { query: async () => expect.unreachable() };
  expect(() => createPostgresSink({ client, table: 'x; DROP TABLE y' })).toThrow(
    '`table` of PostgreSQL sink must be letters, digits and _, after its schema or without. Got "x; DROP TABLE y".',
  );
  expect(postgresTableSql('audit.decisions')).toContain('CREATE TABLE IF NOT EXISTS "audit"."decisions"');
});

/** A pool that does not mind when the server goes: the next query makes a new connection. */
function poolOf({ connection }: PostgresServer): pg.Pool {
  const pool = new pg.Pool({ ...connection, max: 4 });
  pool.on('error', () => {});
  return pool;
}
