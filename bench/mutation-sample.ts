import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { createRandom } from 'pointsman/internal';

/** Lines a block: short enough for many blocks a file, and long enough for most statements to lie in one. */
const BLOCK_LINES = 20;

const USAGE = `npx tsx bench/mutation-sample.ts PATH... [--share 0.1] [--seed 1] [--tests test/src/policy] [-- options of Stryker]

Runs npm run mutate on blocks of ${BLOCK_LINES} lines, drawn from files and folders by a seed, with the tests of one folder or of all.
A mutant that lies across two blocks is not among them.
`;

export interface SourceLines {
  readonly path: string;
  readonly lines: number;
}

/**
 * Ranges of lines as Stryker reads them, `file:first-last`, in the order of the files: the same for the same seed.
 * @param share of all blocks, rounded up to a whole one
 */
export function drawBlocks(files: readonly SourceLines[], share: number, seed: number): string[] {
  const blocks = files.flatMap(({ path, lines }) =>
    Array.from({ length: Math.ceil(lines / BLOCK_LINES) }, (_, i) => {
      const last = Math.min(lines, (i + 1) * BLOCK_LINES);
      return `${path}:${i * BLOCK_LINES + 1}-${last}`;
    }),
  );
  const drawn = createRandom(seed)
    .shuffle([...blocks.keys()])
    .slice(0, Math.ceil(share * blocks.length));
  return drawn.sort((a, b) => a - b).map((i) => blocks[i]);
}

/** The TypeScript files that paths name or hold, by name. */
function sourceLines(paths: readonly string[]): SourceLines[] {
  const found = paths.flatMap((path) =>
    statSync(path).isFile()
      ? [path]
      : readdirSync(path, { recursive: true, encoding: 'utf8' }).map((name) => `${path}/${name}`),
  );
  return [...new Set(found.map((path) => path.replaceAll('\\', '/').replaceAll(/\/{2,}/g, '/')))]
    .filter((path) => path.endsWith('.ts'))
    .sort()
    .map((path) => ({ path, lines: readFileSync(path, 'utf8').split('\n').length }));
}

function main(argv: readonly string[]): number {
  const end = argv.includes('--') ? argv.indexOf('--') : argv.length;
  const { values, positionals } = parseArgs({
    args: argv.slice(0, end),
    allowPositionals: true,
    options: {
      share: { type: 'string', default: '0.1' },
      seed: { type: 'string', default: '1' },
      tests: { type: 'string', default: '' },
    },
  });
  const [share, seed] = [Number(values.share), Number(values.seed)];
  if (positionals.length === 0 || !(share > 0 && share <= 1) || !Number.isSafeInteger(seed)) {
    console.log(USAGE);
    return 2;
  }
  const ranges = drawBlocks(sourceLines(positionals), share, seed);
  console.log(`${ranges.length} blocks, seed ${seed}:\n${ranges.join('\n')}`);
  const stryker = ['run', '--mutate', ranges.join(','), ...argv.slice(end + 1)];
  const env = { ...process.env, MUTATION_TESTS: values.tests };
  return spawnSync('npx', ['stryker', ...stryker], { stdio: 'inherit', env }).status ?? 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.exit(main(process.argv.slice(2)));
