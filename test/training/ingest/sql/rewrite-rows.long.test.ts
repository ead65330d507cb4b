import { expect, test } from 'vitest';
import { CREATE_FIRST_ROWS, CREATE_STAGED, rewriteRows } from '../../../../training/ingest/sql/rows.ts';
import { withScratchDatabase } from '../../../../training/work/scratch-database.ts';

// DuckDB gives rows other places when it writes what was deleted to its file: some 120,000 rows at a time.
test('rows that are written anew are all written, however many, and keep their lines', async () => {
  const rows = 150_000;
  await withScratchDatabase({ memoryLimitMb: 256 }, async (database) => {
    const connection = await database.connect();
    for (const create of [CREATE_STAGED, CREATE_FIRST_ROWS]) await connection.run(create);
    await connection.run(`INSERT INTO staged (file, absent, "requestId", candidate, "text")
      SELECT 0, false, i, 'm', repeat('a', 100) FROM range(${rows}) AS t(i)`);
    await connection.run('INSERT INTO first_rows SELECT 0, min(rowid) FROM staged');
    await rewriteRows(
      connection,
      ['requestId'],
      { text: 'VARCHAR' },
      // The last ones stay as they are.
      async (found) => found.map(([id]) => (Number(id) >= rows - 10 ? null : { text: `${id} `.repeat(25) })),
      { anew: true },
    );
    const reader = await connection.runAndReadAll(`SELECT count(*), count(DISTINCT "requestId"),
      count(*) FILTER ("text" = repeat("requestId" || ' ', 25)), count(*) FILTER ("text" = repeat('a', 100)),
      count(*) FILTER (line = "requestId"::BIGINT + 1) FROM staged`);
    expect(reader.getRows()[0].map(Number)).toEqual([rows, rows, rows - 10, 10, rows]);
  });
});
