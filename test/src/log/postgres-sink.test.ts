import fc from 'fast-check';
import pg from 'pg';
import { createRandom } from 'pointsman/internal';
import {
  createDecisionLog,
  createPostgresSink,
  createPostgresTable,
  type LogRecord,
  parseLogRecord,
  postgresTableSql,
} from 'pointsman/log';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findPostgres, type PostgresServer, startPostgres } from '../../fixtures/postgres-server.ts';
import { aDecision } from './a-decision.ts';
import { RECORDS } from './log-records.ts';

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

    it.each<[string, Record<string, unknown>]>([
      ['an id that no index holds', { id: noise(50_000) }],
      ['a time that is none', { at: '2026-13-45T00:00:00Z' }],
      ['a number that is none there', { quality: JSON.parse(`1e${'9'.repeat(3)}`), at: 'never' }],
    ])('sets aside %s, says which, and keeps the others of its batch', async (_, odd) => {
      const { sink, rows } = await emptyTable();
      const honest = Array.from({ length: 200 }, (_, i) => ({ ...RECORDS[2], id: `h${i}` }) as LogRecord);
      const batch = honest.toSpliced(77, 0, { ...RECORDS[2], ...odd } as LogRecord);
      const refused = await sink.write(batch);
      expect(refused).toEqual([expect.any(Error)]);
      expect(String(refused?.[0])).toMatch(
        /^InvalidInputError: The feedback record ".*" is refused by PostgreSQL: /,
      );
      expect(String(refused?.[0]).length).toBeLessThan(500);
      expect(await rows()).toHaveLength(200);
    });

    it('keeps a long source and odd keys, each in a row of its own', async () => {
      const { sink, rows } = await emptyTable();
      const source = noise(4_000);
      const records = [
        { ...RECORDS[2], source },
        { ...RECORDS[2], source: `${source}!` },
        { ...RECORDS[0], signals: { 'nul\0': 1, 'half\ud800': { '\udc00': 'x\0' } } },
        { ...RECORDS[0], id: 'x', probabilities: { 'mini\0': 0.5 } },
      ] as LogRecord[];
      expect(await sink.write(records)).toEqual([]);
      expect(await sink.write(records)).toEqual([]);
      const kept = await rows();
      expect(kept).toHaveLength(4);
      expect(kept).toContainEqual({
        ...RECORDS[0],
        signals: { 'nul\ufffd': 1, 'half\ufffd': { '\ufffd': 'x\ufffd' } },
      });
    });

    it('of a log counts what PostgreSQL refuses as failed, and tells of it', async () => {
      const { table, rows } = await emptyTable();
      const told: [string, number][] = [];
      const log = createDecisionLog({
        sink: createPostgresSink({ client: pool, table }),
        // The year 275760 is past the last one that PostgreSQL knows in this form.
        clock: { wallNow: () => (odd ? 8.64e15 : 0), after: () => () => {} },
        onError: (error, records) => told.push([String(error), records]),
      });
      let odd = false;
      for (let i = 0; i < 3; i++) {
        odd = i === 1;
        log.feedback(`${i}`, { quality: 1 });
      }
      await log.flush();
      expect(log.stats()).toMatchObject({ written: 2, failed: 1, dropped: 0, pending: 0 });
      expect(told).toEqual([[expect.stringContaining('The feedback record "1"'), 1]]);
      expect(await rows()).toHaveLength(2);
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

/** Text that does not compress: PostgreSQL's indexes hold as much as is short when it is compressed. */
function noise(length: number): string {
  const random = createRandom(length);
  return Array.from({ length }, () => random.integer(36).toString(36)).join('');
}

/** A pool that does not mind when the server goes: the next query makes a new connection. */
function poolOf({ connection }: PostgresServer): pg.Pool {
  const pool = new pg.Pool({ ...connection, max: 4 });
  pool.on('error', () => {});
  return pool;
}
