import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { openJudge } from '../../../training/ingest/judge.ts';
import { sendAlert } from '../../../training/retrain/retrain.ts';
import type { RetrainRun } from '../../../training/retrain/run.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const judged = { prompt: 'private words', answer: '4', candidate: 'm' };
const run = {
  router: 'r',
  id: '1',
  outcome: 'kept',
  sentence: 'private words',
  alarms: [],
} as unknown as RetrainRun;

test.each([301, 302, 303, 307, 308])(
  'neither a judge nor whoever is told of alarms sends words on to where it was redirected (%i)',
  async (status) => {
    let reached = 0;
    const elsewhere = await serve((_, response) => {
      reached++;
      response.end('{"quality":1}');
    });
    const url = await serve((_, response) => response.writeHead(status, { location: elsewhere }).end());
    const { judge } = await openJudge(url);
    await expect(judge(judged)).rejects.toThrow(`status ${status}, a redirect, which is not followed`);
    expect(await sendAlert({ url }, run)).toContain(`it answered ${status}`);
    expect(reached).toBe(0);
  },
);

test('an answer of a judge without end is given up', async () => {
  const url = await serve((_, response) => {
    const more = () => {
      while (response.writable && response.write(' '.repeat(65_536)));
    };
    response.on('drain', more);
    more();
  });
  const { judge } = await openJudge(url);
  await expect(judge(judged)).rejects.toThrow('its answer has more than 1048576 bytes');
});

test('whoever is told of alarms and answers without end holds nobody up', async () => {
  const url = await serve((_, response) => void response.write('x'));
  expect(await sendAlert({ url }, run)).toBeNull();
});
