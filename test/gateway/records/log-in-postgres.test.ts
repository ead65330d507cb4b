import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createGateway } from '../../../gateway/create-gateway.ts';
import { ingestOutcomes } from '../../../training/ingest/ingest.ts';
import { readOutcomeMatrix } from '../../../training/ingest/outcome-store.ts';
import { copyFromPostgres } from '../../../training/log-store/read.ts';
import { parseRetrainConfig } from '../../../training/retrain/config.ts';
import { freePort } from '../../fixtures/own-server.ts';
import { findPostgres, type PostgresServer, startPostgres } from '../../fixtures/postgres-server.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { ask, MOCK_KEY, mockUpstream, post, testConfig } from '../gateway-fixture.ts';

const { folder } = temporaryFolder();
const NO_UPSTREAM = { url: 'http://127.0.0.1:9' };

// Debian: apt-get install postgresql. `.ci/run` does so.
describe.skipIf(findPostgres() === undefined)(
  'a decision log in PostgreSQL (skipped where it is not installed)',
  () => {
    let server: PostgresServer;
    let env: Record<string, string>;
    beforeAll(async () => {
      server = await startPostgres();
      const { database, host, port, user } = server.connection;
      env = { MOCK_KEY, DATABASE_URL: `postgres://${user}@${host}:${port}/${database}` };
      process.env.DATABASE_URL = env.DATABASE_URL;
    });
    afterAll(async () => {
      delete process.env.DATABASE_URL;
      await server?.stop();
    });

    it('is written by two gateways, and learned from as if it lay in files', async () => {
      const upstream = await mockUpstream();
      const config = await testConfig(upstream, { log: { postgres: { url: '${DATABASE_URL}' } } });
      const gateways = [await createGateway(config, { env }), await createGateway(config, { env })];
      const asked = 12;
      for (let index = 0; index < asked; index++) {
        const gateway = gateways[index % 2];
        const response = await post(gateway, '/v1/chat/completions', ask({ model: 'auto' }));
        const decisionId = response.headers.get('x-pointsman-decision-id');
        await response.text();
        // A rating may reach another gateway than the one that decided.
        const rating = { decisionId, rating: index % 3 === 0 ? 'down' : 'up' };
        expect((await post(gateways[(index + 1) % 2], '/v1/feedback', rating)).status).toBe(201);
      }
      for (const gateway of gateways) await gateway.close();

      const log = { url: '${DATABASE_URL}', table: 'pointsman_log' };
      const file = await copyFromPostgres(log, join(folder, 'log.jsonl.gz'));
      const out = join(folder, 'outcomes.parquet');
      const report = await ingestOutcomes({ files: [file], format: 'pointsman', out });
      expect(report).toMatchObject({ rowsAccepted: asked, rejected: [] });
      const { quality } = await readOutcomeMatrix(out);
      const rated = [...quality].filter((value) => !Number.isNaN(value));
      expect(rated).toHaveLength(asked);
      expect(rated.filter((value) => value === 0)).toHaveLength(asked / 3);
    });

    it('that cannot be read names the table and what to look at', async () => {
      const missing = copyFromPostgres({ url: env.DATABASE_URL, table: 'nobody."s' }, join(folder, 'x.gz'));
      await expect(missing).rejects.toThrow(/table nobody\."s of PostgreSQL.*logs\.postgres/s);
    });
  },
);

describe('a configuration with a log in PostgreSQL', () => {
  it('is refused with another log beside it, by the gateway and by retraining', async () => {
    const log = { folder: 'log', postgres: { url: 'postgres://127.0.0.1' } };
    await expect(createGateway({ ...(await testConfig(NO_UPSTREAM)), log })).rejects.toThrow(
      /`log`: must have `folder`, `postgres` or `redis`, one of the three/,
    );
    const config = (logs: object) => () => parseRetrainConfig({ router: 'models/support', logs });
    expect(config({ files: ['a'], postgres: { url: 'x' } })).toThrow(/`files` or `postgres`, one of the two/);
    expect(config({})).toThrow(/`files` or `postgres`, one of the two/);
    expect(config({ postgres: { url: 'x' }, format: 'table' })).toThrow(/leave out `format`/);
  });

  it('does not start a gateway when nobody answers there, and does not show its password', async () => {
    const url = `postgres://user:secret-word@127.0.0.1:${await freePort()}/none`;
    const config = await testConfig(NO_UPSTREAM, { log: { postgres: { url } } });
    const error = await createGateway(config, { env: { MOCK_KEY } }).catch((error: Error) => error);
    expect((error as Error).message).toMatch(/pointsman_log.*ECONNREFUSED.*`log\.postgres`/s);
    expect((error as Error).message).not.toContain('secret-word');
  });

  it('needs the variable that its address names', async () => {
    const config = await testConfig(NO_UPSTREAM, { log: { postgres: { url: '${NO_SUCH_VARIABLE}' } } });
    await expect(createGateway(config, { env: { MOCK_KEY } })).rejects.toThrow(
      /`log\.postgres\.url` needs the environment variable NO_SUCH_VARIABLE/,
    );
    const copied = copyFromPostgres({ url: '${NO_SUCH_VARIABLE}', table: 'x' }, join(folder, 'y.gz'));
    await expect(copied).rejects.toThrow(/environment variable NO_SUCH_VARIABLE/);
  });
});
