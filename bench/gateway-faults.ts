import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { servingArtifact } from '../test/fixtures/serving-artifact.ts';
import { startFaultyUpstream } from '../test/gateway/faults/faulty-upstream.ts';
import { type FaultReport, runFaults } from '../test/gateway/faults/run-faults.ts';
import { sendFaults } from '../test/gateway/faults/send-faults.ts';
import { writeArtifact } from '../training/artifact/write-artifact.ts';
import { atMost, type BenchLine, plain, skipped } from './bench-line.ts';
import { startPortkey } from './portkey.ts';

const OPTIONS = { requests: 20_000, seed: 42, atOnce: 48, patienceMs: 3_000 };
/** What busy cores may take to come back to a timer, in milliseconds. */
const MARGIN_MS = 1_000;

/**
 * Requests of four protocols, whole and streamed, through upstreams that break in every way known to us and from clients that leave, read slowly or send half
 * of it: how each ended, through our gateway and through Portkey's, with as many candidates, tries and milliseconds for each.
 */
export async function benchGatewayFaults(): Promise<BenchLine[]> {
  return [...(await ourLines()), ...(await portkeyLines())];
}

async function ourLines(): Promise<BenchLine[]> {
  const folder = await mkdtemp(join(tmpdir(), 'pointsman-bench-'));
  try {
    const router = join(folder, 'support');
    await writeArtifact(router, await servingArtifact({ candidates: 3 }));
    const { left, report } = await sendFaults({ ...OPTIONS, folder, router });
    const note = noteOf(report);
    const count = (...names: string[]) => names.reduce((sum, name) => sum + (report.endings[name] ?? 0), 0);
    const { errors, heldUsd, inFlight, oddOutcomes, open, resources, running, unbookedUsd, withoutOutcome } =
      left;
    return [
      plain('faulty requests through the gateway: the right answer', count('answer'), '', note),
      plain("  the protocol's own error", count('error'), '', note),
      plain('  left by their client, or never whole', count('left'), '', note),
      atMost(
        '  less than the answer, or something else, as if it were the answer',
        count('truncated', 'wrong'),
        '',
        0,
        note,
      ),
      atMost(
        "  cut without a word, or an error that is not the protocol's",
        count('cut', 'foreign error'),
        '',
        0,
        note,
      ),
      atMost('  still open 3 s after their deadline', count('hung'), '', 0, note),
      atMost(`  over their deadline by more than ${MARGIN_MS} ms`, lateBy(report), '', 0, latest(report)),
      atMost(
        '  requests, sockets, timers, outcomes and decisions left open, and errors of its own',
        inFlight + open + resources.length + withoutOutcome + oddOutcomes + running + errors.length,
        '',
        0,
        note,
      ),
      atMost(
        '  set aside in the books, or counted in the books alone',
        heldUsd + Math.abs(unbookedUsd),
        'US dollars',
        1e-6,
        note,
      ),
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function portkeyLines(): Promise<BenchLine[]> {
  const name = 'the same through Portkey 1.15.2: the right answer';
  const portkey = await startPortkey().catch((error: Error) => error);
  if (portkey instanceof Error) return [skipped(name, portkey.message)];
  const upstream = await startFaultyUpstream(OPTIONS.seed);
  try {
    const report = await runFaults(
      {
        url: portkey.url,
        headers: ({ kind }) => ({
          'x-portkey-config': JSON.stringify(
            portkeyConfig(kind === 'anthropic' ? 'anthropic' : 'openai', upstream.url),
          ),
        }),
        models: { 'openai-chat': ['m'], anthropic: ['m'], 'openai-responses': ['m'], embeddings: ['m'] },
      },
      OPTIONS,
    );
    const note = noteOf(report);
    const line = (what: string, ...names: string[]) =>
      plain(
        what,
        names.reduce((sum, each) => sum + (report.endings[each] ?? 0), 0),
        '',
        note,
      );
    return [
      line(name, 'answer'),
      line("  the protocol's own error", 'error'),
      line('  left by their client, or never whole', 'left'),
      line('  less than the answer as if it were all of it', 'truncated'),
      line('  something else as if it were the answer', 'wrong'),
      line('  cut without a word', 'cut'),
      line("  an error that is not the protocol's", 'foreign error'),
      line('  still open 3 s after their deadline', 'hung'),
      plain(`  over their deadline by more than ${MARGIN_MS} ms`, lateBy(report), '', latest(report)),
    ];
  } finally {
    await portkey.stop();
    await upstream.close();
  }
}

/** Three candidates, each tried three times and for as long as in ours. */
function portkeyConfig(provider: string, upstream: string) {
  return {
    strategy: { mode: 'fallback' },
    targets: ['m0', 'm1', 'm2'].map((model) => ({
      provider,
      api_key: 'none',
      custom_host: `${upstream}/v1`,
      override_params: { model },
      retry: { attempts: 2 },
      request_timeout: 400,
    })),
  };
}

const noteOf = ({ seconds }: FaultReport) =>
  `${OPTIONS.requests} requests, ${OPTIONS.atOnce} at a time, ${Math.round(seconds)} s`;
const lateBy = ({ late }: FaultReport) => late.filter((ms) => ms > MARGIN_MS).length;
const latest = ({ late }: FaultReport) =>
  `the latest by ${Math.round(late.reduce((most, ms) => Math.max(most, ms), 0))} ms`;
