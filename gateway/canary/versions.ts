import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { InvalidInputError, type Router } from 'pointsman';
import { isVersion, readPointer, writePointer } from './current-pointer.ts';
import {
  type Advice,
  type Arm,
  adviceOn,
  differencesOf,
  joinTrials,
  Trial,
  type TrialEvidence,
} from './trial.ts';
import type { Verdict, VersionStanding, Versions, VersionsOptions } from './version-standing.ts';

interface Live {
  readonly version: string;
  readonly router: Router;
}

interface LiveTrial extends Live {
  readonly id: string;
  readonly trial: Trial;
  step: number;
  since: { readonly ratings: number; readonly requests: number };
  readonly startedAt: string;
  steppedAt: string;
  advice: Advice;
}

/** What all gateways that share the notes agree on. */
interface SharedNote {
  readonly champion: string;
  readonly trial: Pick<LiveTrial, 'id' | 'version' | 'step' | 'since' | 'startedAt' | 'steppedAt'> | null;
  readonly verdicts: readonly Verdict[];
}

const MOST_VERDICTS = 50;
const INTERVAL_MS = 1000;

/** @throws ArtifactError or InvalidInputError, as `load` does, for the version in use. */
export async function openVersions(options: VersionsOptions): Promise<Versions> {
  const versions = new WatchedVersions(options);
  await versions.open();
  return versions;
}

class WatchedVersions implements Versions {
  readonly #options: VersionsOptions;
  readonly #sharedName: string;
  #champion!: Live;
  #trial: LiveTrial | null = null;
  #verdicts: readonly Verdict[] = [];
  #told = '';
  #timer: NodeJS.Timeout | undefined;
  /** One look or order after another. */
  #turn: Promise<void> = Promise.resolve();
  #isClosed = false;
  #hasNews = false;
  /** What `current.json` names and should not, since it cannot be written. */
  #ignored: string | undefined;

  constructor(options: VersionsOptions) {
    this.#options = options;
    this.#sharedName = `versions ${options.name}`;
  }

  async open(): Promise<void> {
    const { folder, load } = this.#options;
    const named = (await readPointer(folder))?.version;
    if (named === undefined)
      throw new InvalidInputError(
        `\`canary\` of the router ${this.#options.name} needs a folder whose current.json names the version in use. ${folder} has none. Give the folder around the versions, or leave out \`canary\`.`,
      );
    const shared = this.#readShared();
    this.#verdicts = shared?.verdicts ?? [];
    const before = shared?.champion ?? named;
    try {
      this.#champion = { version: before, router: await load(join(folder, before)) };
    } catch (error) {
      if (before === named) throw error;
      // It was deleted meanwhile.
      this.#champion = { version: named, router: await load(join(folder, named)) };
    }
    if (shared === null) this.#writeShared();
    await this.#look();
    this.#schedule();
  }

  get champion(): Router {
    return this.#champion.router;
  }

  pick(unit: string): Router {
    const trial = this.#trial;
    if (trial === null) return this.#champion.router;
    const { steps } = this.#options.rules;
    return shareOf(`${trial.version}\n${unit}`) < steps[trial.step] ? trial.router : this.#champion.router;
  }

  ended(artifactId: string, isError: boolean): void {
    const arm = this.#armOf(artifactId);
    if (arm === null) return;
    this.#trial?.trial.ended(arm, isError);
    this.#hasNews = true;
  }

  rated(artifactId: string, quality: number, unit: string | null): void {
    const arm = this.#armOf(artifactId);
    if (arm === null) return;
    this.#trial?.trial.rated(arm, quality, unit);
    this.#hasNews = true;
  }

  standing(): VersionStanding {
    const { rules } = this.#options;
    const { router, version } = this.#champion;
    const trial = this.#trial;
    const verdicts = this.#verdicts;
    const champion = { version, artifactId: router.manifest.id };
    if (trial === null) return { champion, canary: null, verdicts };
    const evidence = this.#evidence(trial);
    return {
      champion,
      canary: {
        version: trial.version,
        artifactId: trial.router.manifest.id,
        share: rules.steps[trial.step],
        steps: rules.steps,
        startedAt: trial.startedAt,
        steppedAt: trial.steppedAt,
        ratings: evidence.ratings,
        requests: evidence.requests,
        ...differencesOf(evidence, rules),
        why: trial.advice.why,
      },
      verdicts,
    };
  }

  promote(version?: string): Promise<void> {
    return this.#inTurn(async () => {
      const { folder, load, name } = this.#options;
      const target = version ?? this.#trial?.version;
      if (target === undefined)
        throw new InvalidInputError(`The router ${name} has no new version. Name one that is in its folder.`);
      if (target === this.#champion.version)
        throw new InvalidInputError(`${target} is in use for everybody already.`);
      if (target === this.#trial?.version) return this.#promoteTrial('operator', 'Somebody decided so.');
      if (!(await isVersion(folder, target)))
        throw new InvalidInputError(
          `${folder} has no version ${target.slice(0, 64)}. Name one that is there.`,
        );
      const router = await load(join(folder, target));
      const before = [this.#champion.version, ...(this.#trial === null ? [] : [this.#trial.version])];
      if (this.#trial !== null) this.#conclude('superseded', 'operator', `${target} was promoted.`);
      this.#take({ version: target, router });
      this.#addVerdict(target, 'promoted', 'operator', 'Somebody decided so.');
      await this.#point(target, before, false);
    });
  }

  rollBack(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#trial === null)
        throw new InvalidInputError(
          `The router ${this.#options.name} has no new version on trial. Promote an earlier version by its name.`,
        );
      await this.#rollBackTrial('operator', 'Somebody decided so.');
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#turn;
    this.#writeOwn();
    await this.#champion.router.close();
    await this.#trial?.router.close();
  }

  #armOf(artifactId: string): Arm | null {
    if (this.#trial === null) return null;
    if (artifactId === this.#trial.router.manifest.id) return 'canary';
    return artifactId === this.#champion.router.manifest.id ? 'champion' : null;
  }

  #schedule(): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => {
      void this.#inTurn(() => this.#look()).finally(() => this.#schedule());
    }, this.#options.intervalMs ?? INTERVAL_MS).unref();
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    try {
      this.#writeOwn();
      await this.#follow();
      await this.#judge();
      this.#told = '';
    } catch (error) {
      if (String(error) !== this.#told) this.#options.onError?.(error);
      this.#told = String(error);
    }
  }

  /** What `current.json` names, and what another gateway has found out. */
  async #follow(): Promise<void> {
    const { folder, load } = this.#options;
    const shared = this.#readShared();
    if (shared !== null) await this.#followOthers(shared);
    const pointer = await readPointer(folder);
    if (pointer === null || pointer.version === this.#trial?.version) return;
    const { version } = pointer;
    if (version === this.#champion.version) {
      if (this.#trial !== null)
        this.#conclude('withdrawn', 'current.json', `current.json names ${version} again.`);
      return;
    }
    const last = this.#verdicts.find((verdict) => verdict.version === version);
    // Nobody could write that it was rolled back, or nobody has yet.
    if (last?.verdict === 'rolled back' || version === this.#ignored) return;
    const router = await load(join(folder, version));
    if (this.#trial !== null) this.#conclude('superseded', 'current.json', `current.json names ${version}.`);
    // Another gateway may have begun it meanwhile.
    const begunBy = this.#readShared()?.trial;
    const lastVerdictAt = this.#verdicts[0]?.at ?? '';
    const resumed = begunBy?.version === version ? begunBy : null;
    const at = new Date().toISOString();
    const begun = resumed ?? {
      // The same whoever begins it.
      id: [this.#champion.version, version, lastVerdictAt].join(' '),
      version,
      step: 0,
      since: { ratings: 0, requests: 0 },
      startedAt: at,
      steppedAt: at,
    };
    const advice: Advice = { action: 'wait', why: 'It has just begun.' };
    this.#trial = { ...begun, router, trial: new Trial(this.#options.rules), advice };
    if (resumed === null) this.#options.notes.forget(this.#evidenceName(version));
    this.#writeShared();
    this.#options.onSwap?.(router.manifest.id);
  }

  async #followOthers({ champion, trial, verdicts }: SharedNote): Promise<void> {
    this.#verdicts = verdicts;
    const own = this.#trial;
    if (own !== null && champion === own.version) this.#take(own);
    else if (own !== null && trial?.id === own.id && trial.step > own.step)
      Object.assign(own, { step: trial.step, since: trial.since, steppedAt: trial.steppedAt });
    else if (own !== null && trial?.id !== own.id) this.#trial = null;
    if (champion === this.#champion.version) return;
    const { folder, load } = this.#options;
    this.#take({ version: champion, router: await load(join(folder, champion)) });
  }

  async #judge(): Promise<void> {
    const trial = this.#trial;
    if (trial === null) return;
    const evidence = this.#evidence(trial);
    trial.advice = adviceOn(evidence, this.#options.rules, trial.step, trial.since);
    const { action, why } = trial.advice;
    if (action === 'promote') return this.#promoteTrial('test', why);
    if (action === 'roll-back') return this.#rollBackTrial('test', why);
    if (action !== 'step') return;
    trial.step++;
    trial.since = {
      ratings: evidence.ratings.canary.count,
      requests: evidence.requests.canary.count,
    };
    trial.steppedAt = new Date().toISOString();
    this.#writeShared();
  }

  async #promoteTrial(by: Verdict['by'], why: string): Promise<void> {
    const trial = this.#trial as LiveTrial;
    const before = this.#champion.version;
    this.#take(trial);
    this.#conclude('promoted', by, why, trial);
    await this.#point(trial.version, [before], false);
  }

  async #rollBackTrial(by: Verdict['by'], why: string): Promise<void> {
    const { version } = this.#trial as LiveTrial;
    this.#conclude('rolled back', by, why);
    await this.#point(this.#champion.version, [version], true);
  }

  #take({ router, version }: Live): void {
    this.#champion = { version, router };
    if (this.#trial?.version === version) this.#trial = null;
    this.#options.onSwap?.(router.manifest.id);
  }

  #conclude(verdict: Verdict['verdict'], by: Verdict['by'], why: string, trial = this.#trial): void {
    if (trial === null) return;
    this.#trial = null;
    this.#options.notes.forget(this.#evidenceName(trial.version));
    this.#addVerdict(trial.version, verdict, by, why);
  }

  #addVerdict(version: string, verdict: Verdict['verdict'], by: Verdict['by'], why: string): void {
    const at = new Date().toISOString();
    this.#verdicts = [{ version, verdict, at, by, why }, ...this.#verdicts].slice(0, MOST_VERDICTS);
    this.#writeShared();
  }

  /** So that loaders, `pointsman retrain` and a restart see what was decided. What cannot be written is remembered here. */
  async #point(version: string, expected: readonly string[], isWithdrawn: boolean): Promise<void> {
    const { folder } = this.#options;
    try {
      await writePointer(folder, version, expected, isWithdrawn);
    } catch (error) {
      this.#ignored = (await readPointer(folder))?.version;
      this.#options.onError?.(error);
    }
  }

  /** Of all gateways that share the notes. */
  #evidence(trial: LiveTrial): TrialEvidence {
    const others = this.#options.notes
      .notes(this.#evidenceName(trial.version))
      .filter(({ isOwn }) => !isOwn)
      .map(({ note }) => JSON.parse(note) as { id: string; evidence: TrialEvidence })
      .filter(({ evidence, id }) => id === trial.id && isOfShape(evidence, trial.trial.evidence));
    return joinTrials([trial.trial.evidence, ...others.map(({ evidence }) => evidence)]);
  }

  #writeOwn(): void {
    const trial = this.#trial;
    if (trial === null || !this.#hasNews) return;
    const note = JSON.stringify({ id: trial.id, evidence: trial.trial.evidence });
    this.#options.notes.note(this.#evidenceName(trial.version), note);
    this.#hasNews = false;
  }

  #readShared(): SharedNote | null {
    const [shared] = this.#options.notes.notes(this.#sharedName);
    return shared === undefined ? null : (JSON.parse(shared.note) as SharedNote);
  }

  #writeShared(): void {
    const trial = this.#trial;
    const shared: SharedNote = {
      champion: this.#champion.version,
      trial:
        trial === null
          ? null
          : {
              id: trial.id,
              version: trial.version,
              step: trial.step,
              since: trial.since,
              startedAt: trial.startedAt,
              steppedAt: trial.steppedAt,
            },
      verdicts: this.#verdicts,
    };
    this.#options.notes.note(this.#sharedName, JSON.stringify(shared), 'all');
  }

  #evidenceName(version: string): string {
    return `canary ${this.#options.name} ${version}`;
  }
}

/** Evidence under other rules is about other questions. */
function isOfShape(evidence: TrialEvidence, own: TrialEvidence): boolean {
  return (
    evidence.quality.above.length === own.quality.above.length &&
    evidence.errors.above.length === own.errors.above.length
  );
}

/** A number from 0 to 1 that belongs to a text. */
function shareOf(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0) / 2 ** 32;
}
