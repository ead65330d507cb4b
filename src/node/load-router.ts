import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { isSafePath } from '../artifact/check-manifest.ts';
import type { Artifact, ArtifactFiles, ReadArtifactOptions } from '../artifact/read-artifact.ts';
import { embedderSource } from '../embedder/embedders.ts';
import { ArtifactError } from '../errors.ts';
import type { DecisionLog } from '../log/record.ts';
import { hasExpressions, needsAnswers, readsUncertainty } from '../policy/kinds/create-policy.ts';
import { createRouter, loadCel, readArtifact } from '../router/full-router.ts';
import type { Router, RouterOptions } from '../router/router.ts';
import type { FileLogOptions } from './file-sink.ts';
import type { WatchOptions } from './watch-router.ts';

/**
 * Loads a router from its folder: `models/<name>`, whose `current.json` names the version in use, or the folder
 * of one version. What is loaded is what was checked; the files are read once.
 *
 * The embedder is the static one that the artifact carries, or is made as the manifest says (`transformers`; `openai`
 * with the key in `OPENAI_API_KEY`). Routers trained with `use` or an embedder of your own need it in `embedder`.
 *
 * @throws ArtifactError saying what is wrong with the artifact; InvalidInputError when an option does not fit it.
 * @example
 * const router = await loadRouter('models/support', { log: 'logs/decisions', watch: true });
 * const decision = await router.route({ text: 'Translate this to French: good morning' });
 */
export async function loadRouter(folder: string, options: LoadOptions = {}): Promise<Router> {
  const { log: given, uncertainty = false, watch = false, ...rest } = options;
  const log = typeof given === 'string' ? await openDecisionLog(given) : given;
  const routerOptions = log === undefined ? rest : { ...rest, log };
  const router =
    watch === false
      ? await loadVersion(folder, routerOptions, uncertainty)
      : await (await import('./watch-router.ts')).watchRouter(
          folder,
          resolveVersion,
          (version) => loadVersion(version, routerOptions, uncertainty),
          watch === true ? {} : watch,
        );
  if (typeof given !== 'string') return router;
  const { close } = router;
  return Object.assign(router, {
    async close() {
      await close();
      // Nobody else knows of this log.
      await log?.close();
    },
  });
}

/**
 * A decision log in a folder of files, for one router or several.
 *
 * @param folder made when it is not there. Several processes may write to one folder.
 * @example
 * const log = await openDecisionLog('logs/decisions', { content: 'hash' });
 * const router = await loadRouter('models/support', { log });
 */
export async function openDecisionLog(folder: string, options?: FileLogOptions): Promise<DecisionLog> {
  return (await import('./file-sink.ts')).createFileLog(folder, options);
}

async function loadVersion(folder: string, options: RouterOptions, uncertainty: boolean): Promise<Router> {
  const isAsked = uncertainty || readsUncertainty(options.policy);
  const artifact = await readArtifactFolder(folder, isAsked ? { uncertainty: true } : {});
  const { files, policy } = artifact.manifest;
  // What is missing or damaged is found now, and not at the first answer.
  if (needsAnswers(options.policy ?? policy))
    await Promise.all(files.map(({ path }) => artifact.load?.(path)));
  const named = artifact.manifest.embedder;
  const embedder = options.embedder ?? (await embedderSource(named.kind).open?.(named, process.env));
  return createRouter(artifact, {
    ...(hasExpressions(options.policy) ? { compile: await loadCel() } : {}),
    ...options,
    ...(embedder === undefined ? {} : { embedder }),
  });
}

/** How `loadRouter` makes a router, and whether it follows new versions. */
export interface LoadOptions extends Omit<RouterOptions, 'log'> {
  /**
   * Takes down every decision: a log, or the folder that one is to be kept in, which `router.close()` closes.
   * @default none
   */
  readonly log?: DecisionLog | string;
  /** Whether decisions can say how unsure they are, where the artifact knows. @default whether its policy asks for it */
  readonly uncertainty?: boolean;
  /** Whether to go over to another version as soon as `current.json` names it. @default false */
  readonly watch?: boolean | WatchOptions;
}

/**
 * The files of a folder, and of no other: a link that leads out of it is refused, and so is what is not a plain
 * file. A file's size is looked at before it is read.
 */
export function folderFiles(folder: string): ArtifactFiles {
  const root = realpath(folder);
  // Whoever reads first sees the failure; until then it must not count as unhandled.
  root.catch(() => {});
  return {
    async read(path, maxBytes) {
      if (!isSafePath(path)) throw new ArtifactError(`"${path}" is not a path inside the artifact.`);
      const base = await root;
      const real = await realpath(join(base, path));
      if (!real.startsWith(base.endsWith(sep) ? base : base + sep)) {
        throw new ArtifactError(`"${path}" leads out of the artifact's folder, to ${real}.`);
      }
      // To open a device may do something, so only what is a file is opened.
      if (!(await stat(real)).isFile()) throw new ArtifactError(`"${path}" is not a file.`);
      // Not blocking, so that a pipe that takes its place meanwhile cannot make us wait.
      const file = await open(real, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
      try {
        return await readWhole(file, path, maxBytes);
      } finally {
        await file.close();
      }
    },
  };
}

async function readWhole(file: FileHandle, path: string, maxBytes: number): Promise<Uint8Array> {
  const found = await file.stat();
  if (!found.isFile()) throw new ArtifactError(`"${path}" is not a file.`);
  if (found.size > maxBytes) {
    throw new ArtifactError(`"${path}" is ${found.size} bytes long; it must be at most ${maxBytes}.`);
  }
  // Not zeroed first, since all of it is overwritten or cut off.
  const bytes = new Uint8Array(Buffer.allocUnsafeSlow(found.size).buffer);
  let length = 0;
  while (length < bytes.length) {
    const { bytesRead } = await file.read(bytes, length, bytes.length - length, length);
    if (bytesRead === 0) return bytes.slice(0, length);
    length += bytesRead;
  }
  return bytes;
}

/**
 * Reads and checks the artifact in a folder: of one version, or of a router whose `current.json` names one.
 *
 * @throws ArtifactError
 */
export async function readArtifactFolder(
  folder: string,
  options: ReadArtifactOptions = {},
): Promise<Artifact> {
  return readArtifact(folderFiles(await resolveVersion(folder)), { sha256: nodeSha256, ...options });
}

/** Faster than Web Crypto for files of this size, and quicker to load. */
function nodeSha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The file that says which version of a router is in use: `{"version": "v-0123456789ab"}`. */
export const CURRENT_FILE = 'current.json';

/** Largest `current.json`, in bytes. */
export const MAX_POINTER_BYTES = 64 * 2 ** 10;
const VERSION = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/**
 * The folder of the artifact itself: `folder` when it holds a manifest, else the version that its `current.json`
 * names.
 *
 * @throws ArtifactError when it is neither.
 */
export async function resolveVersion(folder: string): Promise<string> {
  if (await exists(join(folder, 'manifest.json'))) return folder;
  const pointer = join(folder, CURRENT_FILE);
  if (!(await exists(pointer))) {
    throw new ArtifactError(
      `There is no router in ${folder}: it has neither manifest.json nor ${CURRENT_FILE}. Give the folder that ` +
        '`pointsman train --out` wrote.',
    );
  }
  let text: string;
  try {
    text = new TextDecoder().decode(await folderFiles(folder).read(CURRENT_FILE, MAX_POINTER_BYTES));
  } catch (cause) {
    throw new ArtifactError(`${pointer} cannot be read: ${(cause as Error).message}`, { cause });
  }
  const version = readPointer(text);
  if (version === undefined) {
    throw new ArtifactError(
      `${pointer} must be {"version": "<folder name>"}. Got ${JSON.stringify(text.slice(0, 80))}. Write the name ` +
        'of a version folder into it, or train again.',
    );
  }
  const path = join(folder, version);
  if (await exists(join(path, 'manifest.json'))) return path;
  throw new ArtifactError(
    `${pointer} names ${version}, and ${path} has no manifest.json. Name a version that is there, or train again.`,
  );
}

function readPointer(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (value === null || typeof value !== 'object' || !('version' in value)) return undefined;
    return typeof value.version === 'string' && VERSION.test(value.version) ? value.version : undefined;
  } catch {
    return undefined;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch {
    return false;
  }
}
