import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { InvalidInputError } from 'pointsman';
import { CONFIG_FILE, filledState, loadConfig } from '../config/load-config.ts';
import type { CheckedConfig } from '../config/schema.ts';
import {
  changeKey,
  checkNames,
  createKey,
  deleteKey,
  listKeys,
  type MadeKey,
  readKey,
  readUsage,
  rotateKey,
  type ShownKey,
  type ShownUse,
} from '../keys/manage-keys.ts';
import { openGatewayState } from '../state/open-state.ts';
import type { GatewayState } from '../state/state.ts';

/** What the command may touch of the terminal, so that tests can stand in for it. */
export interface KeysIo {
  readonly stdout: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const EXAMPLES = `
Examples:
  $ npx pointsman keys create --name "support team" --budget-month 200 --requests-per-minute 600
  $ npx pointsman keys list
  $ npx pointsman keys change k3x9q0v1m2n4 --budget-day 10 --on-budget degrade
  $ npx pointsman keys show k3x9q0v1m2n4 --days 7
  $ npx pointsman keys rotate k3x9q0v1m2n4 --grace 24h
  $ npx pointsman keys disable k3x9q0v1m2n4
  $ npx pointsman keys enable k3x9q0v1m2n4
  $ npx pointsman keys delete k3x9q0v1m2n4 --yes

Changes count for a running gateway at once. A key's secret is shown when it is made, and never again.`;

const STATE_FILE = 'gateway.db';

/** Whoever types has more time than a request. */
const TIMEOUT_MS = 5000;

type Limit = number | 'none';

interface SettingFlags {
  readonly name?: string;
  readonly router?: string[];
  readonly candidate?: string[];
  readonly requestsPerMinute?: Limit;
  readonly tokensPerMinute?: Limit;
  readonly budgetDay?: Limit;
  readonly budgetMonth?: Limit;
  readonly onBudget?: string;
  readonly tier?: string;
  readonly tag?: string[];
  readonly expires?: string;
}

interface CommonFlags {
  readonly config?: string;
  readonly state?: string;
  readonly json?: boolean;
}

/** `pointsman keys`: who may use a gateway, and how much. */
export function keysCommand(io: KeysIo): Command {
  const command = new Command('keys')
    .description('Make, list and change the keys of a gateway, and see what they used.')
    .addHelpText('after', EXAMPLES);
  const add = (name: string, description: string, argument?: string): Command => {
    const child = new Command(name)
      .description(description)
      .option(
        '-c, --config <file>',
        `the gateway's configuration, which names its state (default: ${CONFIG_FILE})`,
      )
      .option(
        '--state <where>',
        `file or redis:// address of the state, without a configuration (default: POINTSMAN_STATE, or ${STATE_FILE})`,
      )
      .option('--json', 'print the result as JSON')
      .addHelpText('after', EXAMPLES);
    if (argument !== undefined) child.argument('<id>', argument);
    command.addCommand(child);
    return child;
  };
  /** Runs with the state open, and prints what comes of it. */
  const withState = async <T>(
    flags: CommonFlags,
    run: (state: GatewayState, config: CheckedConfig | undefined) => Promise<T>,
    say: (result: T) => string,
    makesState = false,
  ) => {
    const { config, namespace, where } = await stateOf(flags, io.env);
    const isFile = !/^rediss?:/.test(where);
    if (isFile && !makesState && !existsSync(where))
      throw new InvalidInputError(
        `There is no state ${where}. Name the one of your gateway with --config or --state, or make its first key: npx pointsman keys create`,
      );
    const options = namespace === undefined ? {} : { namespace };
    const state = await openGatewayState(where, { ...options, decides: false, timeoutMs: TIMEOUT_MS });
    try {
      const result = await run(state, config);
      io.stdout(flags.json ? `${JSON.stringify(result, null, 2)}\n` : say(result));
    } finally {
      await state.close();
    }
  };
  /** As far as there is a configuration that says what may be named. */
  const settings = (flags: SettingFlags, config: CheckedConfig | undefined) => {
    const given = settingsOf(flags);
    if (config !== undefined) checkNames(given, config);
    return given;
  };
  const ID = 'its id: the twelve letters after "pm-"';

  settingOptions(add('create', 'Make a key, and show its secret.')).action(
    (flags: SettingFlags & CommonFlags) =>
      withState(flags, (state, config) => createKey(state, settings(flags, config)), sayMade, true),
  );
  add('list', 'List the keys.').action((flags: CommonFlags) =>
    withState(
      flags,
      async (state) => ({ keys: await listKeys(state) }),
      ({ keys }) => sayList(keys),
    ),
  );
  add('show', 'Show a key, and what it used.', ID)
    .option('--days <n>', 'how many days of use', wholeNumber, 31)
    .action((id: string, flags: CommonFlags & { days: number }) =>
      withState(
        flags,
        async (state) => ({
          key: await readKey(state, idOf(id)),
          usage: await readUsage(state, idOf(id), flags.days),
        }),
        ({ key, usage }) => sayKey(key) + sayUse(usage),
      ),
    );
  settingOptions(
    add('change', 'Change a key. What is not named stays; "none" takes a limit away.', ID),
  ).action((id: string, flags: SettingFlags & CommonFlags) =>
    withState(flags, (state, config) => changeKey(state, idOf(id), settings(flags, config)), sayKey),
  );
  for (const [name, description, disabled] of [
    ['disable', 'Let nobody in with a key until it is enabled again.', true],
    ['enable', 'Let a key that was disabled in again.', false],
  ] as const)
    add(name, description, ID).action((id: string, flags: CommonFlags) =>
      withState(flags, (state) => changeKey(state, idOf(id), { disabled }), sayKey),
    );
  add('delete', 'Delete a key for good.', ID)
    .option('--yes', 'it is meant')
    .action((id: string, flags: CommonFlags & { yes?: boolean }) => {
      if (!flags.yes)
        throw new InvalidInputError('A deleted key never comes back. Say --yes, or use `keys disable`.');
      const run = async (state: GatewayState) => {
        await deleteKey(state, idOf(id));
        return { deleted: idOf(id) };
      };
      return withState(flags, run, ({ deleted }) => `Deleted ${deleted}.\n`);
    });
  add('rotate', 'Give a key another secret, and show it.', ID)
    .option('--grace <time>', 'how long the secret before still works, such as 24h', duration, 0)
    .action((id: string, flags: CommonFlags & { grace: number }) =>
      withState(flags, (state) => rotateKey(state, idOf(id), { graceMs: flags.grace }), sayMade),
    );
  return command;
}

/** Where the state is: what was said, else what the environment says, else what the configuration here says. */
async function stateOf(
  { config, state }: CommonFlags,
  env: KeysIo['env'],
): Promise<{ where: string; namespace?: string | undefined; config?: CheckedConfig }> {
  if (state !== undefined) return { where: state };
  if (config === undefined && env.POINTSMAN_STATE) return { where: env.POINTSMAN_STATE };
  const file = config ?? (existsSync(CONFIG_FILE) ? CONFIG_FILE : undefined);
  if (file === undefined) return { where: STATE_FILE };
  const loaded = await loadConfig(file);
  const { keys } = loaded;
  if (keys === undefined)
    throw new InvalidInputError(`${file} must say where keys are kept. Add: keys: { state: ${STATE_FILE} }`);
  const where = filledState(keys.state, { env, folder: dirname(file) });
  return { where, namespace: keys.namespace, config: loaded };
}

function settingOptions(command: Command): Command {
  const several = (value: string, before: string[] = []) => [...before, value];
  return command
    .option('--name <words>', 'whose it is, or what it is for')
    .option('--router <name>', 'a router that it may ask; once for each', several)
    .option('--candidate <name>', 'a candidate that it may have called; once for each', several)
    .option('--requests-per-minute <n>', 'how many requests a minute', limit)
    .option('--tokens-per-minute <n>', 'how many tokens a minute, sent and received', limit)
    .option('--budget-day <usd>', 'US dollars a day of UTC', limit)
    .option('--budget-month <usd>', 'US dollars a month of UTC', limit)
    .addOption(
      new Option('--on-budget <what>', 'what a request gets that a budget does not cover').choices([
        'degrade',
        'refuse',
      ]),
    )
    .option('--tier <name>', 'the `tier` signal of its requests')
    .option('--tag <name=value>', 'a tag; once for each', several)
    .option('--expires <when>', 'when it stops working: a date, or a time from now such as 90d');
}

const none = <T>(value: T | 'none') => (value === 'none' ? null : value);

/** Only what was named. */
function settingsOf(flags: SettingFlags): Record<string, unknown> {
  const list = (values: string[] | undefined) =>
    values?.length === 1 && values[0] === 'none' ? null : values;
  const settings = {
    name: flags.name,
    routers: list(flags.router),
    candidates: list(flags.candidate),
    requestsPerMinute: none(flags.requestsPerMinute),
    tokensPerMinute: none(flags.tokensPerMinute),
    budgetUsdPerDay: none(flags.budgetDay),
    budgetUsdPerMonth: none(flags.budgetMonth),
    onBudget: flags.onBudget,
    tier: none(flags.tier),
    tags: flags.tag === undefined ? undefined : tagsOf(flags.tag),
    expiresAt:
      flags.expires === undefined || flags.expires === 'none' ? none(flags.expires) : timeOf(flags.expires),
  };
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

function tagsOf(tags: readonly string[]): Record<string, string> {
  if (tags.length === 1 && tags[0] === 'none') return {};
  return Object.fromEntries(
    tags.map((tag) => {
      const at = tag.indexOf('=');
      if (at < 1) throw new InvalidInputError(`--tag must be name=value, such as team=support. Got ${tag}.`);
      return [tag.slice(0, at), tag.slice(at + 1)];
    }),
  );
}

function limit(value: string): Limit {
  if (value === 'none') return value;
  const number = Number(value);
  if (value.trim() === '' || !Number.isFinite(number))
    throw new InvalidArgumentError('It must be a number, or none.');
  return number;
}

function wholeNumber(value: string): number {
  if (!/^\d+$/.test(value)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(value);
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function duration(value: string): number {
  const found = /^(\d+)([smhd])$/.exec(value);
  if (found === null) throw new InvalidArgumentError('It must be a time such as 30m, 24h or 7d.');
  return Number(found[1]) * UNIT_MS[found[2]];
}

/** A date is its first moment in UTC. */
function timeOf(text: string): string {
  const ms = /^\d+[smhd]$/.test(text) ? Date.now() + duration(text) : Date.parse(text);
  if (!Number.isFinite(ms))
    throw new InvalidInputError(
      `--expires must be a date such as 2027-01-31, or a time from now such as 90d. Got ${text}.`,
    );
  return new Date(ms).toISOString();
}

/** With or without `pm-`. A whole secret is not repeated. */
const idOf = (text: string): string => text.replace(/^pm-/, '').slice(0, 64);

function sayMade({ key, secret }: MadeKey): string {
  return `${secret}\n\nThis is the secret of "${printable(key.name)}" (${key.id}), shown this once. Only its hash is kept.\n`;
}

function sayList(keys: readonly ShownKey[]): string {
  if (keys.length === 0) return 'There is no key yet. Make one: npx pointsman keys create --name "my app"\n';
  return keys.map((key) => `${key.id}  ${standingOf(key).padEnd(8)}  ${printable(key.name)}\n`).join('');
}

function standingOf({ disabled, expiresAt }: ShownKey): string {
  if (disabled) return 'disabled';
  return expiresAt !== null && Date.parse(expiresAt) <= Date.now() ? 'expired' : 'works';
}

function sayKey(key: ShownKey): string {
  const { candidates, disabled: _disabled, hint, id, name, routers, tags, ...others } = key;
  const lines: [string, unknown][] = [
    ['name', name],
    ['secret', `pm-${id}-…${hint}`],
    ['state', standingOf(key)],
    ['routers', routers?.join(', ') ?? 'all'],
    ['candidates', candidates?.join(', ') ?? 'all'],
    ...Object.entries(others).map(([field, value]): [string, unknown] => [field, value ?? 'none']),
    [
      'tags',
      Object.entries(tags)
        .map(([tag, value]) => `${tag}=${value}`)
        .join(', ') || 'none',
    ],
  ];
  return lines.map(([field, value]) => `${field.padEnd(18)}  ${printable(String(value))}\n`).join('');
}

function sayUse(usage: readonly ShownUse[]): string {
  if (usage.length === 0) return '\nIt has not been used.\n';
  const rows = usage.map(
    ({ day, heldUsd, inputTokens, outputTokens, requests, usd }) =>
      `${day}  ${dollars(usd).padStart(14)}  ${dollars(heldUsd).padStart(14)}  ${String(requests).padStart(9)}  ` +
      `${String(inputTokens).padStart(12)}  ${String(outputTokens).padStart(12)}\n`,
  );
  return `\nday         ${'used'.padStart(14)}  ${'of it held'.padStart(14)}   requests     tokens in    tokens out\n${rows.join('')}`;
}

const dollars = (usd: number): string => `$${usd.toFixed(6)}`;

/** Names come from outside, and must not steer a terminal. */
const printable = (text: string): string => text.replace(/[\p{Cc}\p{Cf}]/gu, '\ufffd');
