import { existsSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { InvalidInputError } from 'pointsman';
import { CONFIG_FILE, checkConfig, loadConfig } from '../config/load-config.ts';
import type { CheckedConfig } from '../config/schema.ts';
import { openGateway } from '../create-gateway.ts';
import { type RunningServer, serve } from '../serve.ts';

/** What the command may touch of the process, so that tests can stand in for it. */
export interface ServeIo {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Resolves when the process is asked to stop. */
  readonly stopped: () => Promise<void>;
}

const EXAMPLES = `
Examples:
  $ npx pointsman serve models/support
  $ npx pointsman serve models/support --port 9000 --log logs/decisions
  $ npx pointsman serve --config gateway.yaml

With a folder, a router and nothing else is served: POST /v1/route decides, POST /v1/feedback rates. With a configuration, its
candidates are called too, as POST /v1/chat/completions. Without either, gateway.yaml of the working folder is taken.`;

interface ServeFlags {
  readonly config?: string;
  readonly host?: string;
  readonly port?: number;
  readonly log?: string;
}

/** `pointsman serve`: a router over HTTP, until the process is asked to stop. */
export function serveCommand(io: ServeIo): Command {
  return new Command('serve')
    .description('Serve a router over HTTP, in front of the upstreams of its candidates.')
    .argument('[folder]', 'folder of a router, or of one of its versions')
    .option('-c, --config <file>', 'YAML with routers, candidates, upstreams and all else')
    .option(
      '-p, --port <number>',
      'port to listen at (default: 8800, or that of the configuration)',
      readPort,
    )
    .option('--host <address>', 'address to listen at (default: 127.0.0.1, so this machine alone)')
    .option('--log <folder>', 'folder that decisions, outcomes and feedback are written to')
    .addHelpText('after', EXAMPLES)
    .action(async (folder: string | undefined, flags: ServeFlags, command: Command) => {
      if (folder !== undefined && flags.config !== undefined)
        command.error('error: give a folder or --config, one of the two');
      const file =
        flags.config ?? (folder === undefined && existsSync(CONFIG_FILE) ? CONFIG_FILE : undefined);
      if (folder === undefined && file === undefined)
        command.error(`error: give the folder of a router, or --config; there is no ${CONFIG_FILE} here`);
      const config = await readConfig(folder, file, flags);
      const gateway = await openGateway(config, {
        env: io.env,
        folder: file === undefined ? process.cwd() : dirname(resolve(file)),
        onError: (error) => io.stderr(`${error instanceof Error ? error.message : String(error)}\n`),
      });
      const server = await serve(gateway).catch(async (error: unknown) => {
        await gateway.close();
        throw error;
      });
      io.stdout(greeting(config, server, gateway.hasDashboard));
      for (const warning of gateway.warnings()) io.stderr(`Warning: ${warning}\n`);
      await io.stopped();
      io.stdout('Stopping: requests under way are finished.\n');
      await server.close();
    });
}

function readPort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new InvalidArgumentError('Give a number from 0 to 65535; 0 is any that is free.');
}

async function readConfig(
  folder: string | undefined,
  file: string | undefined,
  { host, log, port }: ServeFlags,
): Promise<CheckedConfig> {
  const config =
    file === undefined
      ? checkConfig({ routers: { [nameOf(folder as string)]: { folder } } }, 'The command', process.cwd())
      : await loadConfig(file);
  const { listen } = config;
  return {
    ...config,
    listen: { host: host ?? listen.host, port: port ?? listen.port },
    ...(log === undefined ? {} : { log: { ...LOG_DEFAULTS, ...keptOf(config.log), folder: resolve(log) } }),
  };
}

const LOG_DEFAULTS = { content: 'prompt', user: 'hash' } as const;

/** What a configuration says of what is kept, wherever that goes. */
function keptOf(
  log: CheckedConfig['log'],
): Partial<Pick<NonNullable<CheckedConfig['log']>, 'content' | 'user' | 'userKey'>> {
  if (log === undefined) return {};
  const { content, user, userKey } = log;
  return { content, user, ...(userKey === undefined ? {} : { userKey }) };
}

/** Of `models/support` it is `support`. */
function nameOf(folder: string): string {
  const name = basename(resolve(folder));
  if (name !== '') return name;
  throw new InvalidInputError(`${folder} must be the folder of a router. Give one, such as models/support.`);
}

function placeOf({ folder, postgres, redis }: NonNullable<CheckedConfig['log']>): string {
  if (folder !== undefined) return folder;
  return postgres === undefined
    ? `the stream ${redis?.stream} of Redis`
    : `the table ${postgres.table} of PostgreSQL`;
}

function greeting(config: CheckedConfig, { url }: RunningServer, hasDashboard: boolean): string {
  const candidates = Object.entries(config.candidates).map(([name, { upstream }]) => `${name} (${upstream})`);
  const lines = [
    `Serving at ${url}`,
    hasDashboard
      ? `  Dashboard: ${url}/dashboard`
      : '  No dashboard: others can reach this address. Give `admin: { token: ... }` in the configuration.',
    `  Routers: ${Object.keys(config.routers).join(', ') || 'none'}`,
    candidates.length === 0
      ? '  No candidate has an upstream, so decisions are made and no model is called. Give them in --config.'
      : `  Candidates: ${candidates.join(', ')}`,
    ...(candidates.length === 0 ? [] : [`  Base URL for OpenAI's SDKs: ${url}/v1`]),
    config.keys === undefined
      ? '  Keys: none are asked for, so whoever reaches this address may use it. Give `keys` in the configuration.'
      : '  Keys: each request needs one; `pointsman keys create` makes them.',
    config.log === undefined
      ? '  No decision log is kept. Give --log, or `log` in the configuration.'
      : `  Decision log: ${placeOf(config.log)}`,
    'Ctrl+C stops it.',
  ];
  return `${lines.join('\n')}\n`;
}
