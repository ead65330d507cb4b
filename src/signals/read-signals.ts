import type { Modality } from '../candidate/candidate.ts';
import { mean } from '../math/mean.ts';
import { countRequestTokens } from '../request/count-request-tokens.ts';
import type { Prompt } from '../request/prompt-text.ts';
import type { Request } from '../request.ts';
import { type CodeAndMaths, codeAndMaths } from './code-and-maths.ts';
import type { SignalSources } from './signal-sources.ts';
import type { CandidateLoad, QualityRequirement, Signals } from './signals.ts';
import { taskByRules } from './task-by-rules.ts';

/** What rules are worth: they do not know how sure they are. */
const RULES_CONFIDENCE = 0.5;

/** A task and its probability. */
export interface TaskGuess {
  readonly task: string;
  readonly confidence: number;
}

/** One request, and what has been found out about it. */
export interface SignalInput {
  /** Undefined when there is an embedding alone. */
  readonly request: Request | undefined;
  readonly prompt: Prompt;
  readonly modalities: readonly Modality[];
  /** Calibrated success of each candidate, `[candidates]`. */
  readonly success: Float64Array;
  /** Asks the router's own classifier; undefined where it has none. */
  readonly classifyTask: (() => TaskGuess) | undefined;
  readonly candidates: readonly string[];
}

/** Signals, and which of them were looked at. */
export interface SeenSignals extends Signals {
  /** Those that the caller set, and those that were read since. */
  readonly seen: Readonly<Partial<Signals>>;
}

/** What the caller says counts; the rest is computed when it is read, once. */
export function readSignals(
  input: SignalInput,
  sources: SignalSources,
  given: Partial<Signals>,
): SeenSignals {
  return new LazySignals(input, sources, given);
}

class LazySignals implements SeenSignals {
  readonly seen: { -readonly [Name in keyof Signals]?: Signals[Name] };
  readonly #input: SignalInput;
  readonly #sources: SignalSources;
  readonly #isTaskGiven: boolean;
  #shares: CodeAndMaths | undefined;
  #task: TaskGuess | undefined;

  constructor(input: SignalInput, sources: SignalSources, given: Partial<Signals>) {
    this.#input = input;
    this.#sources = sources;
    this.#isTaskGiven = given.task !== undefined;
    this.seen = { ...given };
  }

  get task(): string {
    return this.#once('task', () => this.#guess().task);
  }

  get taskConfidence(): number {
    return this.#once('taskConfidence', () => (this.#isTaskGiven ? 1 : this.#guess().confidence));
  }

  get complexity(): number {
    return this.#once('complexity', () => 1 - mean(this.#input.success));
  }

  get tokens(): number {
    const { request } = this.#input;
    return this.#once('tokens', () =>
      request === undefined ? 0 : countRequestTokens(request, this.#sources.countTokens),
    );
  }

  get language(): string {
    return this.#once('language', () => this.#sources.detectLanguage?.(this.#input.prompt.text) ?? 'und');
  }

  get codeShare(): number {
    return this.#once('codeShare', () => this.#codeAndMaths().codeShare);
  }

  get mathsShare(): number {
    return this.#once('mathsShare', () => this.#codeAndMaths().mathsShare);
  }

  get modalities(): readonly Modality[] {
    return this.#once('modalities', () => this.#input.modalities);
  }

  get tools(): number {
    return this.#once('tools', () => this.#input.prompt.tools);
  }

  get structured(): boolean {
    return this.#once('structured', () => this.#input.prompt.structured);
  }

  get turns(): number {
    return this.#once('turns', () => this.#input.prompt.turns);
  }

  get quality(): QualityRequirement {
    return this.#once('quality', () => 'standard');
  }

  get latencyBudgetMs(): number | null {
    return this.#once('latencyBudgetMs', () => null);
  }

  get costBudgetUsd(): number | null {
    return this.#once('costBudgetUsd', () => null);
  }

  get tier(): string {
    return this.#once('tier', () => '');
  }

  get load(): Readonly<Record<string, CandidateLoad>> {
    return this.#once('load', () => loadOf(this.#input.candidates, this.#sources));
  }

  #once<Name extends keyof Signals>(name: Name, compute: () => Signals[Name]): Signals[Name] {
    const seen = this.seen[name];
    if (seen !== undefined) return seen;
    const value = compute();
    this.seen[name] = value;
    return value;
  }

  #codeAndMaths(): CodeAndMaths {
    this.#shares ??= codeAndMaths(this.#input.prompt.text);
    return this.#shares;
  }

  #guess(): TaskGuess {
    if (this.#task !== undefined) return this.#task;
    const { classifyTask, prompt } = this.#input;
    this.#task = classifyTask?.() ?? {
      task: taskByRules(prompt.text, this.codeShare, this.mathsShare),
      confidence: RULES_CONFIDENCE,
    };
    return this.#task;
  }
}

/** Own properties whatever the name. */
function loadOf(candidates: readonly string[], { load }: SignalSources): Record<string, CandidateLoad> {
  return Object.fromEntries(
    candidates.map((name) => [
      name,
      { inFlight: load?.inFlight(name) ?? 0, recentLatencyMs: load?.recentLatencyMs(name) ?? null },
    ]),
  );
}
