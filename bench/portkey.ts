import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../test/fixtures/own-server.ts';

const PACKAGE = '@portkey-ai/gateway@1.15.2';

/**
 * On Node 20.20 this version writes to headers of what `fetch` gives, which may not be written to: every stream and every embedding
 * would end in 500 "Something went wrong". Copies may be.
 */
const WRITABLE_HEADERS = `
const { fetch, Response, Headers } = globalThis;
globalThis.fetch = async (...given) => {
  const { body, headers, status, statusText } = await fetch(...given);
  return new Response(body, { status, statusText, headers: new Headers(headers) });
};`;

/** Another gateway, beside ours. */
export interface Portkey {
  readonly url: string;
  /** Its process, which can be sent messages that an import of its own answers. */
  readonly child: ChildProcess;
  stop(): Promise<void>;
}

/** What it copies of each answer so that it can write to its headers, which takes time. */
export const MENDED = `data:text/javascript,${encodeURIComponent(WRITABLE_HEADERS)}`;

/**
 * Installs it into a temporary folder and starts it.
 *
 * @param preload a module that is loaded before it.
 * @throws Error when it cannot be installed, or does not answer.
 */
export async function startPortkey(preload: string = MENDED): Promise<Portkey> {
  const folder = await mkdtemp(join(tmpdir(), 'pointsman-portkey-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const install = [
      'i',
      '--no-save',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--prefix',
      folder,
      PACKAGE,
    ];
    await promisify(execFile)('npm', install, { cwd: folder });
  } catch (cause) {
    await remove();
    throw new Error(`${PACKAGE} could not be installed`, { cause });
  }
  const port = await freePort();
  const program = join(folder, 'node_modules/@portkey-ai/gateway/build/start-server.js');
  const args = ['--import', preload, program, `--port=${port}`, '--headless'];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    env: { ...process.env, NODE_ENV: 'production' },
  });
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
    await remove();
  };
  for (let tries = 0; tries < 300; tries++) {
    const isUp = await fetch(url).then(
      (response) => response.text(),
      () => null,
    );
    if (isUp !== null) return { url, child, stop };
    if (child.exitCode !== null) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await stop();
  throw new Error(`${PACKAGE} did not answer`);
}
