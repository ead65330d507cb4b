import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  checkConfig,
  filledState,
  fillIn,
  loadConfig,
  readSecret,
} from '../../../gateway/config/load-config.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const { folder, write } = temporaryFolder();
const check = (value: unknown) => checkConfig(value, 'gateway.yaml', folder);
const routers = { a: { folder: 'models/a' } };
const upstreams = { u: { baseUrl: 'http://127.0.0.1:1/v1' } };

describe('a configuration', () => {
  it('has a default for all but what is served', () => {
    expect(check({ routers })).toMatchObject({
      listen: { host: '127.0.0.1', port: 8800 },
      upstreams: {},
      candidates: {},
      maxBodyBytes: 20 * 2 ** 20,
      routers: { a: { folder: expect.stringMatching(/models.a$/) } },
    });
  });

  it.each<[string, unknown, string]>([
    ['nothing', {}, 'there is nothing to serve'],
    ['null', null, 'there is nothing to serve'],
    ['a text', 'listen', 'expected object'],
    ['an unknown field', { routers, listn: {} }, '`listn`: is not known'],
    ['an unknown field inside', { routers, listen: { prot: 1 } }, '`listen.prot`: is not known'],
    ['a port that is none', { routers, listen: { port: 70_000 } }, '`listen.port`'],
    [
      'an upstream that is not there',
      { candidates: { c: { upstream: 'x' } }, upstreams },
      '`candidates.c.upstream`: must be one of upstreams: u',
    ],
    [
      'a router that is not there',
      { routers, defaultRouter: 'b' },
      '`defaultRouter`: must be one of routers: a',
    ],
    ['a name with a meaning', { candidates: { auto: { upstream: 'u' } }, upstreams }, 'must not be "auto"'],
    [
      'a price below zero',
      { candidates: { c: { upstream: 'u', inputPricePerMillionTokens: -1 } }, upstreams },
      '`candidates.c.inputPricePerMillionTokens`',
    ],
    [
      'an address of files',
      { routers, upstreams: { u: { baseUrl: 'file:///etc/passwd' } } },
      '`upstreams.u.baseUrl`',
    ],
    [
      "the client's key among forwarded headers",
      { routers, forwardHeaders: ['Authorization'] },
      'must not hold Authorization',
    ],
  ])('with %s is refused, and the field named', (_, value, words) => {
    expect(() => check(value)).toThrow(words);
  });

  it('holds no secret, and no message repeats one', () => {
    const secret = 'sk-live-0123456789';
    const given = { routers, upstreams: { u: { baseUrl: 'http://a/v1', apiKey: secret } }, extra: secret };
    expect(() => check(given)).toThrow('`upstreams.u.apiKey`: must be "${NAME}"');
    try {
      check(given);
    } catch (error) {
      expect(String(error)).not.toContain(secret);
    }
  });
});

describe('a configuration file', () => {
  it('is read, with paths from its own folder', async () => {
    const config = await loadConfig(
      write('a.yaml', 'routers: { a: { folder: models/a } }\nlog: { folder: logs }\n'),
    );
    expect([config.routers.a.folder, config.log?.folder]).toEqual([`${folder}/models/a`, `${folder}/logs`]);
  });

  it.each([
    ['routers:\n  a: [\n', 'must be YAML. Line'],
    ['', 'there is nothing to serve'],
    ['a: &a [*a, *a]\n', 'is not known'],
  ])('%j is refused in a sentence that quotes nothing of it', async (text, words) => {
    await expect(loadConfig(write('bad.yaml', text))).rejects.toThrow(words);
  });

  it('that is not there is said so', async () => {
    await expect(loadConfig(`${folder}/none.yaml`)).rejects.toThrow('cannot be read (ENOENT)');
  });
});

describe('a secret', () => {
  const sources = { env: { KEY: 'k-1', EMPTY: '' }, folder };
  it('comes from the environment, or from a file', () => {
    expect(readSecret('${KEY}', 'a', sources)).toBe('k-1');
    write('secret', 'k-2\n');
    expect(readSecret({ file: 'secret' }, 'a', sources)).toBe('k-2');
    expect(fillIn('Token ${KEY}, ${KEY}', 'a', sources.env)).toBe('Token k-1, k-1');
  });

  it.each([
    ['${NONE}', '`field` needs the environment variable NONE'],
    ['${EMPTY}', '`field` needs the environment variable EMPTY'],
    [{ file: 'not-there' }, 'the file not-there cannot be read (ENOENT)'],
    [{ file: 'empty' }, 'the file empty is empty'],
  ])('%j that is not there is named', (secret, words) => {
    write('empty', '\n');
    expect(() => readSecret(secret, 'field', sources)).toThrow(words);
  });
});

describe('where keys are kept', () => {
  const filled = (state: string, env = {}) => {
    const { keys } = check({ routers, keys: { state } });
    return filledState(keys?.state ?? '', { env, folder });
  };

  it.each([
    ['redis://127.0.0.1:6379/0'],
    ['rediss://redis.example:6380'],
    [':memory:'],
    ['/var/lib/gateway.db'],
    ['/var/lib/state'],
  ])('may be %s, written out or from a variable', (where) => {
    expect(filled(where)).toBe(where);
    expect(filled('${STATE}', { STATE: where })).toBe(where);
  });

  it('may be a path from the folder of the configuration', () => {
    expect(filled('gateway.db')).toBe(join(folder, 'gateway.db'));
    expect(filled('data/${NAME}.db', { NAME: 'a' })).toBe(join(folder, 'data', 'a.db'));
    expect(filled('${STATE}', { STATE: './gateway.db' })).toBe(join(folder, 'gateway.db'));
  });

  it.each([
    'nonsense',
    'gateway.db',
    './nonsense',
    'redis:hunter2',
    'redis://',
    'redis://a:hunter2@[b',
    'postgres://a:hunter2@b/c',
    'http://hunter2',
  ])('is not %s from a variable, and the error names the field alone', (STATE) => {
    const said = (() => {
      try {
        return filled('${STATE}', { STATE });
      } catch (error) {
        return (error as Error).message;
      }
    })();
    expect(said).toContain('`keys.state` must come to');
    expect(said).not.toMatch(/nonsense|hunter2/);
  });

  it.each(['postgres://a:b@c/d', 'redis:6379'])('is not %s, which is no path', (state) => {
    expect(() => filled(state)).toThrow('`keys.state` must come to');
  });
});
