import { describe, expect, it } from 'vitest';
import { keysCommand } from '../../../gateway/cli/keys.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const { path, write } = temporaryFolder();
let made = 0;

/** Runs `pointsman keys ...` on one state. */
function aGateway() {
  made += 1;
  const POINTSMAN_STATE = path(`${made}.db`);
  return async (...words: string[]): Promise<string> => {
    let said = '';
    const say = (text: string) => {
      said += text;
    };
    const command = keysCommand({ stdout: say, env: { POINTSMAN_STATE } });
    const quiet = (one: typeof command): void => {
      one.exitOverride().configureOutput({ writeErr: () => {}, writeOut: say });
      one.commands.forEach(quiet as (one: unknown) => void);
    };
    quiet(command);
    await command.parseAsync(words, { from: 'user' });
    return said;
  };
}

describe('pointsman keys', () => {
  it('has an example of each of its commands, and shows them with each', async () => {
    const env = {};
    for (const { name, help } of keysCommand({ stdout: () => {}, env }).commands.map((command) => ({
      name: command.name(),
      help: () => {
        let said = '';
        command.configureOutput({
          writeOut: (text) => {
            said += text;
          },
        });
        command.outputHelp();
        return said;
      },
    })))
      expect(help()).toContain(`$ npx pointsman keys ${name}`);
  });

  it('names the routers and candidates that there are, where one is not, as far as a configuration says', async () => {
    const config = {
      upstreams: { local: { baseUrl: 'http://127.0.0.1:1/v1' } },
      candidates: { small: { upstream: 'local' }, large: { upstream: 'local' } },
      routers: { support: { folder: 'models/support' } },
      keys: { state: 'named.db' },
    };
    const file = await write('named.yaml', JSON.stringify(config));
    const keys = aGateway();
    const create = (...words: string[]) => keys('create', '--config', file, '--name', 'a', ...words);
    await expect(create('--candidate', 'smal')).rejects.toThrow('which are small, large. Got "smal".');
    await expect(create('--router', 'suport')).rejects.toThrow('which are support. Got "suport".');
    const [secret] = (await create('--candidate', 'small', '--router', 'support')).split('\n');
    const id = secret.slice(3, 15);
    await expect(keys('change', id, '--config', file, '--candidate', 'x')).rejects.toThrow('Got "x".');
    expect(await keys('create', '--name', 'a', '--candidate', 'of nobody knows where')).toContain('pm-');
  });

  it('makes a key, shows it, changes it, and deletes it', async () => {
    const keys = aGateway();
    const limits = [
      '--requests-per-minute',
      '600',
      '--tokens-per-minute',
      '1e6',
      '--budget-day',
      '2.5',
      '--budget-month',
      '50',
    ];
    const allowed = ['--router', 'support', '--router', 'other', '--candidate', 'small'];
    const others = [
      '--on-budget',
      'degrade',
      '--tier',
      'gold',
      '--tag',
      'team=a=b',
      '--expires',
      '2030-01-31',
    ];
    const said = await keys('create', '--name', 'Zoë 🚂', ...limits, ...allowed, ...others);
    const [secret] = said.split('\n');
    expect(secret).toMatch(/^pm-[a-z0-9]{12}-[A-Za-z0-9_-]{43}$/);
    expect(said).toContain('shown this once');
    const id = secret.slice(3, 15);
    const shown = JSON.parse(await keys('show', id, '--json'));
    expect(shown).toEqual({
      key: {
        id,
        name: 'Zoë 🚂',
        hint: secret.slice(-4),
        createdAt: expect.any(String),
        routers: ['support', 'other'],
        candidates: ['small'],
        requestsPerMinute: 600,
        tokensPerMinute: 1_000_000,
        budgetUsdPerDay: 2.5,
        budgetUsdPerMonth: 50,
        onBudget: 'degrade',
        tier: 'gold',
        tags: { team: 'a=b' },
        expiresAt: '2030-01-31T00:00:00.000Z',
        disabled: false,
      },
      usage: [],
    });
    expect(await keys('list')).toBe(`${id}  works     Zoë 🚂\n`);
    const none = [
      '--router',
      'none',
      '--candidate',
      'none',
      '--tier',
      'none',
      '--tag',
      'none',
      '--expires',
      'none',
    ];
    const changed = await keys(
      'change',
      `pm-${id}`,
      '--budget-day',
      'none',
      '--requests-per-minute',
      '5',
      ...none,
      '--json',
    );
    expect(JSON.parse(changed)).toEqual({
      ...shown.key,
      budgetUsdPerDay: null,
      requestsPerMinute: 5,
      routers: null,
      candidates: null,
      tier: null,
      tags: {},
      expiresAt: null,
    });
    expect(await keys('disable', id)).toContain('disabled');
    expect(await keys('list')).toContain('disabled');
    expect(await keys('enable', id)).toContain('works');
    const rotated = JSON.parse(await keys('rotate', id, '--grace', '24h', '--json'));
    expect(rotated.secret).not.toBe(secret);
    expect(rotated.secret.slice(0, 15)).toBe(secret.slice(0, 15));
    expect(await keys('show', id)).toContain(`pm-${id}-…${rotated.secret.slice(-4)}`);
    await expect(keys('delete', id)).rejects.toThrow('--yes');
    expect(JSON.parse(await keys('delete', id, '--yes', '--json'))).toEqual({ deleted: id });
    await expect(keys('show', id)).rejects.toThrow(`There is no key of \`${id}\``);
    expect(await keys('list')).toContain('There is no key yet');
  });

  it('says nothing of a secret that was given for an id', async () => {
    const keys = aGateway();
    const [secret] = (await keys('create', '--name', 'a')).split('\n');
    const error = await keys('show', secret).catch(String);
    expect(error).toContain('There is no key of that name');
    expect(error).not.toContain(secret.slice(16, 40));
  });

  it('finds the state by the configuration of the gateway', async () => {
    const config = write(
      'gateway.yaml',
      'candidates: {}\nrouters: { a: { folder: a } }\nkeys: { state: own.db }\n',
    );
    const keys = aGateway();
    await keys('create', '--name', 'configured', '--config', config);
    expect(await keys('list', '--config', config)).toContain('configured');
    expect(await keys('list', '--state', path('own.db'))).toContain('configured');
    await expect(keys('list')).rejects.toThrow('There is no state');
    const without = write('without.yaml', 'routers: { a: { folder: a } }\n');
    await expect(keys('list', '--config', without)).rejects.toThrow('must say where keys are kept');
    const redis = write('redis.yaml', "routers: { a: { folder: a } }\nkeys: { state: '${REDIS_URL}' }\n");
    await expect(keys('list', '--config', redis)).rejects.toThrow('REDIS_URL');
  });

  it('makes no state by looking for keys', async () => {
    for (const words of [['list'], ['show', 'aaaaaaaaaaaa'], ['disable', 'aaaaaaaaaaaa']])
      await expect(aGateway()(...words)).rejects.toThrow('There is no state');
  });

  it.each([
    [['create'], '`name`'],
    [['create', '--name', 'a', '--budget-day', 'x'], 'It must be a number'],
    [['create', '--name', 'a', '--budget-day', 'NaN'], 'It must be a number'],
    [['create', '--name', 'a', '--budget-day', ''], 'It must be a number'],
    [['create', '--name', 'a', '--budget-day', '-1'], '`budgetUsdPerDay`'],
    [['create', '--name', 'a', '--requests-per-minute', '1.5'], '`requestsPerMinute`'],
    [['create', '--name', 'a', '--on-budget', 'x'], 'degrade, refuse'],
    [['create', '--name', 'a', '--tag', 'x'], 'name=value'],
    [['create', '--name', 'a', '--expires', 'soon'], 'must be a date'],
    [['create', '--name', 'a', '--expires', '2020-01-01'], '`expiresAt` must be a time to come'],
    [['create', '--name', 'a', '--expires', '0d'], '`expiresAt` must be a time to come'],
    [['rotate', 'aaaaaaaaaaaa', '--grace', '1'], 'It must be a time such as'],
  ])('refuses %j', async (words, why) => {
    const keys = aGateway();
    await keys('create', '--name', 'there is one');
    await expect(keys(...words)).rejects.toThrow(why);
  });

  it('lets no change end a key in the past', async () => {
    const keys = aGateway();
    const id = (await keys('create', '--name', 'a', '--expires', '2d')).slice(3, 15);
    const { key } = JSON.parse(await keys('show', id, '--json'));
    await expect(keys('change', id, '--expires', '2020-01-01')).rejects.toThrow('must be a time to come');
    expect(JSON.parse(await keys('show', id, '--json')).key).toEqual(key);
    await keys('change', id, '--expires', 'none');
    expect(JSON.parse(await keys('show', id, '--json')).key.expiresAt).toBe(null);
  });

  it('explains itself, with examples', () => {
    const command = keysCommand({ stdout: () => {}, env: {} });
    const said: string[] = [];
    command.configureOutput({ writeOut: (text) => said.push(text) }).outputHelp();
    expect(said.join('')).toContain('npx pointsman keys create --name "support team"');
  });
});
