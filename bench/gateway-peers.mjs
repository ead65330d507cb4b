// One process of the bench of the gateway: the upstream, a bare proxy, or a gateway of ours, by the name that it is forked
// with. Loaded before another program (`--import`), it only tells what that process has used. Says { url } when it listens.
import { Agent, createServer, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

const ANSWER = 'The boat leaves the harbour at nine and is back before the lamps are lit. '.repeat(8);
const USAGE = { prompt_tokens: 250, completion_tokens: 150, total_tokens: 400 };
/** A stream is so many pieces after the first, each after so many milliseconds. */
const PIECES = 8;
const PIECE_MS = 1;

const WHOLE = JSON.stringify({
  id: 'chatcmpl-bench',
  object: 'chat.completion',
  created: 1_780_000_000,
  model: 'bench-model',
  choices: [{ index: 0, message: { role: 'assistant', content: ANSWER }, finish_reason: 'stop' }],
  usage: USAGE,
});

const event = (more) =>
  `data: ${JSON.stringify({ id: 'chatcmpl-bench', object: 'chat.completion.chunk', created: 1_780_000_000, model: 'bench-model', ...more })}\n\n`;
const delta = (said, finish_reason = null) => event({ choices: [{ index: 0, delta: said, finish_reason }] });
const FIRST = delta({ role: 'assistant', content: '' }) + delta({ content: ANSWER.slice(0, 60) });
const FURTHER = delta({ content: ANSWER.slice(60, 120) });
const LAST = `${delta({}, 'stop')}${event({ choices: [], usage: USAGE })}data: [DONE]\n\n`;

/** Answers at once, so that what is measured is what stands before it. */
function answer(incoming, outgoing) {
  const pieces = [];
  incoming.on('data', (piece) => pieces.push(piece));
  incoming.on('end', () => {
    const { stream } = JSON.parse(Buffer.concat(pieces).toString());
    if (stream === true) void answerInPieces(outgoing);
    else {
      outgoing.writeHead(200, { 'content-type': 'application/json', 'content-length': WHOLE.length });
      outgoing.end(WHOLE);
    }
  });
}

async function answerInPieces(outgoing) {
  outgoing.writeHead(200, { 'content-type': 'text/event-stream' });
  outgoing.write(FIRST);
  for (let i = 0; i < PIECES; i++) {
    await pause(PIECE_MS);
    outgoing.write(FURTHER);
  }
  outgoing.end(LAST);
}

/** Nothing but Node: what comes is passed on, and what comes back too. */
function proxy(upstream) {
  const agent = new Agent({ keepAlive: true });
  const { hostname: host, port } = new URL(upstream);
  return (incoming, outgoing) => {
    const { headers, method, url: path } = incoming;
    const passed = request({ agent, host, port, method, path, headers }, (response) => {
      outgoing.writeHead(response.statusCode, response.headers);
      response.pipe(outgoing);
    });
    passed.on('error', () => outgoing.destroy());
    incoming.pipe(passed);
  };
}

async function listen(handler) {
  const server = createServer(handler);
  await new Promise((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return `http://127.0.0.1:${server.address().port}`;
}

async function gateway(config) {
  const { createGateway, serve } = await import('@pointsman/gateway');
  const opened = await createGateway(JSON.parse(config), {
    onError: (error) => process.stderr.write(`${String(error)}\n`),
  });
  return (await serve(opened)).url;
}

const ROLES = {
  upstream: () => listen(answer),
  bare: (upstream) => listen(proxy(upstream)),
  gateway,
};

process.on('message', (asked) => {
  if (asked === 'stop') process.exit();
  const { system, user } = process.cpuUsage();
  process.send({ cpuMs: (system + user) / 1000, rssBytes: process.memoryUsage.rss() });
});

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [role, given] = process.argv.slice(2);
  process.send({ url: await ROLES[role](given) });
}
