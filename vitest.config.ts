import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { entryAliases } from './test/package/entry-sources.ts';

const root = fileURLToPath(new URL('.', import.meta.url));

/** What a test changes of its process, or measures of it. */
const OF_THE_PROCESS =
  /\bvi\.(?!fn\b|waitFor\b)\w+\(|\bprocess\.(chdir|memoryUsage)\(|\bwatchPauses\(|performance\.now\(/;

/** What takes long: training, and packing. */
const TAKES_LONG = /\b(main|packPackages|retrain|runCli|runDemo|trainRouter)\(/;

/** What takes long comes first, so that no core waits for it at the end; vitest itself goes by the size of files it has not run. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const rank = new Map(
      sorted.map((file) => [file, TAKES_LONG.test(readFileSync(file.moduleId, 'utf8')) ? 0 : 1]),
    );
    // A process is shared for as long as files that share one follow each other.
    const projects = [...new Set(sorted.map(({ project }) => project.name))];
    return projects.flatMap((name) =>
      sorted.filter(({ project }) => project.name === name).sort((a, b) => rank.get(a)! - rank.get(b)!),
    );
  }
}

/**
 * Tests run on the sources; `test/package` alone looks at what is packed. `npm run test:long` (`--mode long`) runs what is
 * long and rare (`*.long.test.ts`), `npm test` all the rest.
 */
export default defineConfig(({ mode }) => {
  const isLong = mode === 'long';
  const files = readdirSync(`${root}test`, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts') && name.endsWith('.long.test.ts') === isLong)
    .map((name) => `test/${name.replaceAll('\\', '/')}`);
  const alone = files.filter((name) => isLong || OF_THE_PROCESS.test(readFileSync(root + name, 'utf8')));
  const shared = files.filter((name) => !alone.includes(name));
  const resolve = { alias: entryAliases() };
  // Given to each project whole: what a project extends is read again, without the mode.
  const options = {
    globalSetup: ['test/fixtures/run-folder.ts'],
    setupFiles: ['test/fixtures/fuzz-seed.ts'],
    testTimeout: isLong ? 900_000 : 60_000,
    hookTimeout: 120_000,
    pool: 'forks' as const,
    // Every core; what is long is measured too, and has the machine to itself.
    maxWorkers: isLong ? 1 : '100%',
    // Tests make much that is soon let go of: a larger nursery saves most of the time that collecting it takes.
    execArgv: ['--max-semi-space-size=64'],
  };
  return {
    test: {
      sequence: { sequencer: LongestFirst },
      maxWorkers: options.maxWorkers,
      passWithNoTests: isLong,
      projects: [
        { resolve, test: { ...options, name: 'alone', include: alone } },
        // Loading TensorFlow.js, DuckDB and the sources for each file anew would take a sixth of the time.
        { resolve, test: { ...options, name: 'shared', include: shared, isolate: false } },
      ],
    },
  };
});
