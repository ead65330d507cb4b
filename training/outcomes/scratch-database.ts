import { rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { openOwnFolder } from '../work/index.ts';

/** A DuckDB in memory whose overflow goes to a folder of its own; folders of killed runs are removed. */
export interface ScratchDatabase {
  readonly threads: number;
  connect(): Promise<DuckDBConnection>;
  /** Runs a statement on a connection of its own. */
  run(statement: string): Promise<void>;
  /** Closes every connection and removes the folder. */
  close(): Promise<void>;
}

export async function openScratchDatabase(options: {
  readonly memoryLimitMb: number;
  readonly temporaryFolder?: string | undefined;
}): Promise<ScratchDatabase> {
  const folder = await openOwnFolder(options.temporaryFolder ?? tmpdir(), 'pointsman');
  const threads = Math.min(8, availableParallelism());
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: `${options.memoryLimitMb}MB`,
    temp_directory: folder,
    threads: String(threads),
    // A library of training must not reach for the network.
    autoinstall_known_extensions: 'false',
  });
  const connections: DuckDBConnection[] = [];
  return {
    threads,
    async connect() {
      const connection = await instance.connect();
      connections.push(connection);
      return connection;
    },
    async run(statement) {
      const connection = await instance.connect();
      try {
        await connection.run(statement);
      } finally {
        connection.closeSync();
      }
    },
    async close() {
      for (const connection of connections) connection.closeSync();
      instance.closeSync();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
