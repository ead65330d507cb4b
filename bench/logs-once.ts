import { ingestOutcomes } from '../training/ingest/ingest.ts';

/** One LiteLLM log read in a process of its own; prints rows accepted, seconds, and the peak of resident memory. */
const [file, out, temporaryFolder, answers] = process.argv.slice(2);
const started = performance.now();
const { rowsAccepted } = await ingestOutcomes({
  files: [file],
  out,
  memoryLimitMb: 512,
  temporaryFolder,
  format: 'litellm',
  answers: answers as 'features' | 'none',
  map: { quality: 'metadata.requester_metadata.grade' },
});
const seconds = (performance.now() - started) / 1000;
const peakMb = process.resourceUsage().maxRSS / 1024;
process.stdout.write(JSON.stringify({ accepted: rowsAccepted, seconds, peakMb }));
