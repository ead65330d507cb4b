// The command `pointsman` of this package: it hands over to the package that the command is of, where that is installed. It
// loads neither itself: whoever serves has no use for what trains.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Commands of the gateway; all others are the training's. */
const GATEWAY_COMMANDS = ['serve', 'keys'];

const PARTS = {
  training: {
    name: '@pointsman/training',
    bin: 'bin/pointsman-training.js',
    install: 'npm install --save-dev @pointsman/training',
    what: 'init, train, route, explain, inspect, evaluate, tune, retrain and others',
  },
  gateway: {
    name: '@pointsman/gateway',
    bin: 'bin/pointsman-gateway.js',
    install: 'npm install @pointsman/gateway',
    what: GATEWAY_COMMANDS.join(' and '),
  },
};

const here = import.meta.url;
const { version } = JSON.parse(readFileSync(new URL('../package.json', here), 'utf8'));

/**
 * @param {readonly string[]} argv what the user typed after `pointsman`
 * @param {readonly string[]} places addresses of files that packages are looked for from, beside this one and the working folder
 */
export async function run(argv, places = []) {
  const [first, second] = argv.filter((word) => !word.startsWith('-'));
  const asked = first === 'help' ? second : first;
  if (asked === undefined && argv.some((word) => word === '-v' || word === '--version')) {
    process.stdout.write(`${version}\n`);
  } else if (asked === undefined) await showHelp(places);
  else await handOver(PARTS[GATEWAY_COMMANDS.includes(asked) ? 'gateway' : 'training'], asked, places);
}

async function handOver(part, asked, places) {
  const path = find(part, places);
  if (path !== undefined) return import(path);
  process.stderr.write(
    `\`pointsman ${asked}\` needs the package ${part.name}, which is not installed: ${part.install}\n`,
  );
  process.exitCode = 1;
}

/** Of each part that is installed its own; of the others what installs them. */
async function showHelp(places) {
  for (const part of Object.values(PARTS)) {
    const path = find(part, places);
    // It reads the arguments of the process, and has to find the wish for help there.
    if (path !== undefined) {
      if (process.argv.length === 2) process.argv.push('--help');
      await import(path);
    } else process.stdout.write(`${part.what}: ${part.install}\n`);
    process.stdout.write('\n');
  }
}

/** The address of a part's own command; undefined where it is not installed. */
function find({ bin, name }, places) {
  for (const place of [pathToFileURL(join(process.cwd(), 'package.json')), here, ...places]) {
    try {
      return pathToFileURL(join(dirname(createRequire(place).resolve(`${name}/package.json`)), bin)).href;
    } catch {
      // It is not there.
    }
  }
  return undefined;
}
