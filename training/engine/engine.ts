import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PointsmanError } from 'pointsman';
import { EngineError, type Objects, openObjects } from './objects.ts';

/** What JSON can say. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [name: string]: Json | undefined };

/** What a step is given. */
export interface StepInput {
  readonly parameters: Json;
  /** Local files with the bytes of the inputs, in their order. They must not be written to. */
  readonly files: readonly string[];
  /** A folder of its own, which goes when the step ends. */
  readonly folder: string;
}

/**
 * What is done to shards: a pure function of files and parameters. Whoever runs it, and however often, gets the same bytes.
 */
export interface Step {
  readonly name: string;
  /** Must be raised with every change after which the same input gives other bytes. */
  readonly version: number;
  /** @returns the files that it made: paths in `folder`, or bytes */
  run(input: StepInput): Promise<readonly (string | Uint8Array)[]>;
}

/** Steps by their names. */
export type Steps = Readonly<Record<string, Step>>;

/** A step to be run once. */
export interface Job {
  /** Name of the step. */
  readonly step: string;
  /** Digests of files in the store. */
  readonly inputs: readonly string[];
  readonly parameters: Json;
}

/**
 * What must be the same on all machines of a run, by what it is called: version of the package, digest of the static table.
 * Whoever has another does not take part.
 */
export type Release = Readonly<Record<string, string>>;

export interface EngineProgress {
  readonly step: string;
  readonly done: number;
  readonly total: number;
  /** How many of `done` were there from an earlier run. */
  readonly known: number;
  /** Jobs a second since this step began, those that were there aside; null before the first. */
  readonly perSecond: number | null;
  readonly secondsLeft: number | null;
  /** Workers that are there; null where jobs run in this process. */
  readonly workers: number | null;
}

export interface RunOptions {
  readonly onProgress?: ((progress: EngineProgress) => void) | undefined;
  /** Stops: what nobody has begun is taken back, and the signal's reason is thrown. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs jobs of a run, wherever it does. Jobs that were done before, by whomever, are not run again: see `ShardStore`.
 */
export interface Engine {
  readonly store: ShardStore;
  /**
   * @param jobs of one step, none of which needs what another makes
   * @returns digests of the files that each job made, in the order of the jobs
   * @throws EngineError where a job fails for good; what a step refuses as bad input is thrown as it is
   */
  run(jobs: readonly Job[], options?: RunOptions): Promise<readonly (readonly string[])[]>;
  close(): Promise<void>;
}

/** Whoever wants to take part is of another version, or has another static table. */
export class ReleaseMismatchError extends EngineError {
  override readonly name = 'ReleaseMismatchError';
  override readonly code = 'RELEASE_MISMATCH';
}

/**
 * The name that a job is known by, whoever runs it: the digest of what its result depends on.
 * @throws EngineError where there is no such step
 */
export function jobKey({ inputs, parameters, step }: Job, steps: Steps, release: Release): string {
  const { name, version } = stepOf(step, steps);
  const said = JSON.stringify([name, version, Object.entries(release).sort(), inputs, parameters]);
  return createHash('sha256').update(said).digest('hex');
}

export function stepOf(name: string, steps: Steps): Step {
  if (Object.hasOwn(steps, name)) return steps[name];
  throw new EngineError(
    `A job must be of a step that is known: ${Object.keys(steps).join(', ')}. Got "${name}". Install the same version on all machines.`,
  );
}

/** @throws ReleaseMismatchError that names what differs */
export function checkRelease(own: Release, other: Release): void {
  const names = [...new Set([...Object.keys(own), ...Object.keys(other)])];
  const name = names.find((each) => own[each] !== other[each]);
  if (name === undefined) return;
  const said = ({ [name]: value }: Release): string => (value === undefined ? 'none' : value.slice(0, 16));
  throw new ReleaseMismatchError(
    `A worker must have the ${name} of the run that it works for, ${said(other)}. This one has ${said(own)}. Install the same version of @pointsman/training on all machines.`,
  );
}

/** Counts the jobs of one step, and tells of them. */
export class JobCounter {
  readonly #started = performance.now();
  readonly #step: string;
  readonly #total: number;
  readonly #tell: (progress: EngineProgress) => void;
  #known = 0;
  #done = 0;
  workers: number | null = null;

  constructor(jobs: readonly Job[], tell: (progress: EngineProgress) => void = () => {}) {
    this.#step = jobs[0]?.step ?? '';
    this.#total = jobs.length;
    this.#tell = tell;
  }

  add(wasKnown: boolean): void {
    this.#done++;
    if (wasKnown) this.#known++;
    this.tell();
  }

  tell(): void {
    const made = this.#done - this.#known;
    const seconds = (performance.now() - this.#started) / 1000;
    const perSecond = made === 0 ? null : made / seconds;
    this.#tell({
      ...{ step: this.#step, done: this.#done, total: this.#total, known: this.#known, perSecond },
      secondsLeft: perSecond === null ? null : (this.#total - this.#done) / perSecond,
      workers: this.workers,
    });
  }
}

/** What runs jobs, in this process or as a worker. */
export interface JobRunner {
  readonly steps: Steps;
  readonly store: ShardStore;
  /** Of this process. */
  readonly release: Release;
  /** On a local disk, for what steps make on their way. */
  readonly scratch: string;
}

/** What of a job's time was spent in its step, in seconds of the wall clock and of all cores together. */
export interface JobTime {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

export interface DoneJob {
  readonly outputs: readonly string[];
  /** Null where it had been done before. */
  readonly time: JobTime | null;
}

/**
 * Does one job, unless it is done: reads its inputs, runs its step, and puts what it made into the store. Two that do the same at
 * a time put the same.
 * @throws DamagedShardError, MissingShardError, ReleaseMismatchError; EngineError with what the step said
 */
export async function runJob(job: Job, runner: JobRunner, release = runner.release): Promise<DoneJob> {
  const { scratch, steps, store } = runner;
  checkRelease(runner.release, release);
  const key = jobKey(job, steps, release);
  const known = await store.outputsOf(key);
  if (known !== null) return { outputs: known, time: null };
  const folder = await mkdtemp(join(scratch, `${job.step}-`));
  try {
    const files: string[] = [];
    for (const input of job.inputs) files.push(await store.fetch(input, folder));
    const [started, used] = [performance.now(), process.cpuUsage()];
    const made = await stepOf(job.step, steps).run({ parameters: job.parameters, files, folder });
    const { system, user } = process.cpuUsage(used);
    const time = { seconds: (performance.now() - started) / 1000, cpuSeconds: (system + user) / 1e6 };
    const outputs: string[] = [];
    for (const each of made) outputs.push(await store.put(typeof each === 'string' ? { file: each } : each));
    await store.noteDone(key, outputs);
    return { outputs, time };
  } catch (cause) {
    // What a step says of its input is for whoever gave it.
    if (cause instanceof PointsmanError) throw cause;
    throw stepFailed(job, (cause as Error).message, cause);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export function stepFailed({ inputs, step }: Job, message: string, cause?: unknown): EngineError {
  return new EngineError(
    `The step "${step}" must go through on every shard. On ${inputs[0]?.slice(0, 16) ?? 'none'} it said: ${message}`,
    { cause },
  );
}

export interface InProcessOptions extends Omit<JobRunner, 'release'> {
  readonly release?: Release;
  readonly onTime?: (step: string, time: JobTime) => void;
}

/** Runs jobs in this process, one after the other. */
export function createInProcessEngine(options: InProcessOptions): Engine {
  const { onTime = () => {}, release = {}, store } = options;
  const runner = { ...options, release };
  return {
    store,
    async run(jobs: readonly Job[], { onProgress, signal }: RunOptions = {}) {
      const counter = new JobCounter(jobs, onProgress);
      const outputs: (readonly string[])[] = [];
      counter.tell();
      // Steps use all cores where they can.
      for (const job of jobs) {
        signal?.throwIfAborted();
        const done = await runJob(job, runner);
        outputs.push(done.outputs);
        if (done.time !== null) onTime(job.step, done.time);
        counter.add(done.time === null);
      }
      return outputs;
    },
    close: async () => {},
  };
}

/** Numbers of a file, in this machine's order of bytes, which all that run Node have in common. */
export function floatsOf(bytes: Uint8Array): Float32Array {
  const whole = bytes.byteOffset % 4 === 0 ? bytes : Uint8Array.from(bytes);
  return new Float32Array(whole.buffer, whole.byteOffset, whole.byteLength / 4);
}

export function bytesOf({ buffer, byteLength, byteOffset }: Float64Array | Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

export function numbersOf(bytes: Uint8Array): Float64Array {
  const whole = bytes.byteOffset % 8 === 0 ? bytes : Uint8Array.from(bytes);
  return new Float64Array(whole.buffer, whole.byteOffset, whole.byteLength / 8);
}

/**
 * The store at an address: a folder that all machines of a run see under the same path or another, or `s3://bucket/prefix`.
 * @throws EngineError where it cannot be written to; InvalidInputError where it is no address of a store
 */
export async function openStore(address: string, scratch: string): Promise<ShardStore> {
  const store = new ShardStore(await openObjects(address));
  await store.check(scratch);
  return store;
}

/** A shard that is in the store is not what its name says. */
export class DamagedShardError extends PointsmanError {
  override readonly name = 'DamagedShardError';
  readonly code = 'DAMAGED_SHARD';
  /** Its digest, as it should be. */
  readonly shard: string;

  constructor(shard: string, address: string, found: string) {
    super(
      `A shard must have the digest that it is named by. ${objectOf(shard)} in ${address} has ${found.slice(0, 16)}…: it is damaged. Delete it, and run the same command again, which makes it anew.`,
    );
    this.shard = shard;
  }
}

/**
 * The files of runs, each under the digest of its bytes, so that equal files are one and a damaged one shows; and for each job
 * that was done, which files it made. Nothing that is there is ever changed: a worker that is killed, a job that is done twice or a
 * run that starts again leaves the same files under the same names.
 */
export class ShardStore {
  readonly #objects: Objects;

  constructor(objects: Objects) {
    this.#objects = objects;
  }

  get address(): string {
    return this.#objects.address;
  }

  /** @returns its digest: SHA-256 in hexadecimal */
  async put(content: Uint8Array | { readonly file: string }): Promise<string> {
    const digest = content instanceof Uint8Array ? digestOf(content) : await digestOfFile(content.file);
    const name = objectOf(digest);
    if (!(await this.#objects.has(name))) await this.#objects.write(name, content);
    return digest;
  }

  /**
   * A local file with the bytes of a shard, which are checked; not to be written to.
   * @param folder where it may be copied to
   * @throws DamagedShardError, MissingShardError
   */
  async fetch(digest: string, folder: string): Promise<string> {
    const file = await this.#objects.localFile(objectOf(digest), folder);
    if (file === null) throw this.#missing(digest);
    const found = await digestOfFile(file);
    if (found !== digest) throw new DamagedShardError(digest, this.address, found);
    return file;
  }

  /** @throws DamagedShardError, MissingShardError */
  async read(digest: string): Promise<Uint8Array> {
    const bytes = await this.#objects.read(objectOf(digest));
    if (bytes === null) throw this.#missing(digest);
    const found = digestOf(bytes);
    if (found !== digest) throw new DamagedShardError(digest, this.address, found);
    return bytes;
  }

  /** @returns digests of what a job made; null where it has not been done, or some of it is gone */
  async outputsOf(key: string): Promise<readonly string[] | null> {
    const record = await this.#objects.read(recordOf(key));
    if (record === null) return null;
    const outputs = readRecord(record);
    for (const digest of outputs ?? []) if (!(await this.#objects.has(objectOf(digest)))) return null;
    return outputs;
  }

  /** Called last, when all that a job made is there. */
  async noteDone(key: string, outputs: readonly string[]): Promise<void> {
    await this.#objects.write(recordOf(key), Buffer.from(JSON.stringify({ outputs })));
  }

  /** Removes what runs leave that nobody will ask for again. */
  async remove(digests: Iterable<string>): Promise<void> {
    for (const digest of digests) await this.#objects.remove(objectOf(digest));
  }

  /** @throws EngineError where the store cannot be written to and read from, saying why */
  async check(folder: string): Promise<void> {
    const digest = await this.put(Buffer.from('pointsman'));
    const file = await this.fetch(digest, folder);
    if (file.startsWith(folder)) await rm(file, { force: true });
  }

  #missing(digest: string): MissingShardError {
    return new MissingShardError(
      `A shard must be in the store until the run has ended. ${objectOf(digest)} is not in ${this.address}. A worker must have the --store of the run that it works for: look whether it has. Else start the run again: what is there is not made anew.`,
    );
  }
}

/** A shard that a job needs is not in the store. */
export class MissingShardError extends PointsmanError {
  override readonly name = 'MissingShardError';
  readonly code = 'MISSING_SHARD';
}

function objectOf(digest: string): string {
  return `shards/${digest.slice(0, 2)}/${digest}`;
}

function recordOf(key: string): string {
  return `done/${key.slice(0, 2)}/${key}.json`;
}

/** A record that was half written by something other than us is none. */
function readRecord(bytes: Uint8Array): readonly string[] | null {
  try {
    const { outputs } = JSON.parse(Buffer.from(bytes).toString('utf8')) as { readonly outputs?: unknown };
    const isDigest = (each: unknown): boolean => typeof each === 'string' && /^[0-9a-f]{64}$/.test(each);
    return Array.isArray(outputs) && outputs.every(isDigest) ? (outputs as string[]) : null;
  } catch {
    return null;
  }
}

export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function digestOfFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 2 ** 20 })) hash.update(chunk);
  return hash.digest('hex');
}
