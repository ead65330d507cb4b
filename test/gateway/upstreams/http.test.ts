import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { createHttp } from '../../../gateway/upstreams/http.ts';

const http = createHttp();
let server: Server | undefined;

afterEach(async () => {
  server?.closeAllConnections();
  server?.close();
});

async function listen(handler: RequestListener): Promise<string> {
  server = createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/x?a=b`;
}

/** Reads all that is left. */
async function textOf({ body }: Response): Promise<string> {
  const reader = body!.getReader();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text;
    text += new TextDecoder().decode(value);
  }
}

describe('the fetch of upstreams', () => {
  it('sends what it is given, and gives status, headers and body', async () => {
    const url = await listen(async (request, response) => {
      let body = '';
      for await (const piece of request) body += piece;
      response.writeHead(201, { 'X-Seen': request.headers['x-sent'] ?? '' });
      response.end(`${request.method} ${request.url} ${body}`);
    });
    const response = await http.fetch(url, { method: 'POST', headers: { 'x-sent': 'a' }, body: 'é' });
    expect([
      response.status,
      response.ok,
      response.headers.get('x-seen'),
      response.headers.get('x-no'),
    ]).toEqual([201, true, 'a', null]);
    expect(await textOf(response)).toBe('POST /v1/x?a=b é');
  });

  it('passes by what announces an answer', async () => {
    const url = await listen((_, response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' });
      response.end('after');
    });
    const response = await http.fetch(url, {});
    expect([response.status, await textOf(response)]).toEqual([200, 'after']);
  });

  it('slows an upstream down that sends faster than it is read', async () => {
    const piece = Buffer.alloc(65_536, 'a');
    let written = 0;
    const url = await listen(async (_, response) => {
      while (written < 1_000 * piece.length && !response.destroyed) {
        written += piece.length;
        if (!response.write(piece)) await once(response, 'drain').catch(() => {});
      }
      response.end();
    });
    const response = await http.fetch(url, {});
    await pause(300);
    const before = written;
    await pause(300);
    expect(written).toBe(before);
    expect(written).toBeLessThan(500 * piece.length);
    expect((await textOf(response)).length).toBe(1_000 * piece.length);
  });

  it('gives the reason of its signal, before there is an answer and while it is read, and closes the connection', async () => {
    let closed = 0;
    const url = await listen((request, response) => {
      request.socket.once('close', () => closed++);
      if (request.headers['x-begin'] !== undefined) response.write('begun');
    });
    const early = new AbortController();
    const waiting = http.fetch(url, { signal: early.signal });
    await pause(50);
    early.abort(new Error('left early'));
    await expect(waiting).rejects.toThrow('left early');
    const late = new AbortController();
    const response = await http.fetch(url, { signal: late.signal, headers: { 'x-begin': '1' } });
    const reader = response.body!.getReader();
    await reader.read();
    const next = reader.read();
    late.abort(new Error('left late'));
    await expect(next).rejects.toThrow('left late');
    await expect(http.fetch(url, { signal: late.signal })).rejects.toThrow('left late');
    await expect.poll(() => closed).toBe(2);
  });

  it('gives an error where the connection breaks in the middle, and where there is nobody', async () => {
    const url = await listen((_, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half', () => response.destroy());
    });
    await expect(http.fetch(url, {}).then(textOf)).rejects.toThrow();
    server?.close();
    await once(server!, 'close');
    await expect(http.fetch(url, {})).rejects.toThrow('ECONNREFUSED');
  });

  it('lets go of an answer that nobody reads, and keeps the connection of one that was read', async () => {
    const sockets = new Set<unknown>();
    let closed = 0;
    const url = await listen((request, response) => {
      if (!sockets.has(request.socket)) request.socket.once('close', () => closed++);
      sockets.add(request.socket);
      if (request.method === 'POST') response.write('begun');
      else response.end('whole');
    });
    await textOf(await http.fetch(url, {}));
    await pause(20);
    await textOf(await http.fetch(url, {}));
    expect([sockets.size, closed]).toEqual([1, 0]);
    const response = await http.fetch(url, { method: 'POST' });
    await response.body!.cancel();
    await expect.poll(() => closed).toBe(1);
  });

  it('leaves no listener on its signal', async () => {
    const url = await listen((_, response) => response.end('whole'));
    const { signal } = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners++;
      addEventListener.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners--;
      removeEventListener.apply(signal, args);
    };
    await textOf(await http.fetch(url, { signal }));
    expect(listeners).toBe(0);
  });
});
