import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { main } from '../../../../training/cli/main.ts';
import { shellWords } from '../../../documents/fenced-blocks.ts';
import { useShortStatic } from '../../../fixtures/short-static.ts';
import { temporaryFolder } from '../../../fixtures/temporary-folder.ts';
import { capturedIo } from '../captured-io.ts';
import { LOGS } from './first-logs.ts';

useShortStatic();
const { path, write } = temporaryFolder();

async function run(argv: readonly string[]) {
  const io = capturedIo();
  const code = await main(argv, io);
  return { code, ...io.said };
}

describe.each(Object.entries(LOGS))('%s', (name, contents) => {
  it('gives a config, and a next command that trains a router', async () => {
    const files = Object.entries(contents()).map(([file, text]) => write(file, text));
    const out = path(`${name.replaceAll(' ', '-')}.yaml`);
    const told = await run(['init', ...files, '--out', out, '--router', path(`models/${name.length}`)]);
    expect(told).toMatchObject({ code: 0, err: '' });
    const [, next] = /^Next +(.*)$/m.exec(told.out)!;
    expect(readFileSync(out, 'utf8')).toContain(`# Then: ${next}\n`);
    // The same, and quicker.
    appendFileSync(out, 'resamples: 100\nfolds: 2\nheads: [linear]\nngrams: { dimensions: 0 }\n');
    const [program, tool, ...argv] = shellWords(next);
    expect([program, tool]).toEqual(['npx', 'pointsman']);
    const trained = await run([...argv, '--work', path('work'), '--quiet']);
    expect(trained.code, trained.err).toBe(0);
    expect(existsSync(path(`models/${name.length}/current.json`))).toBe(true);
  }, 60_000);
});
