import type { UtilityWeights } from 'pointsman';
import type { Overlap } from '../off-policy/diagnose.ts';
import type { EstimatorId } from '../off-policy/estimate.ts';
import type { Interval } from '../words.ts';
import type {
  AmountError,
  CalibrationBin,
  CandidateAmount,
  Confusion,
  CostQuality,
  LogHistogram,
} from './metrics.ts';
import type { WholeReport } from './test-sums.ts';

/** What comparisons of the test split say of a router. */
export interface PreferenceFigures {
  readonly comparisons: number;
  /** Share of them that tie. */
  readonly ties: number;
  /** In nats a comparison, a tie being half a win of either: by the odds of the choice head. Chance has ln 2 = 0.693. */
  readonly logLoss: Interval;
  /** The same by strengths that are the same whatever the prompt, as of the training rows; null where these have no comparison. */
  readonly logLossOfStrengths: Interval | null;
  /** `logLossOfStrengths` less `logLoss`, paired: above 0, prompts tell something. */
  readonly saved: Interval | null;
  /** Where the router leaves the best single candidate, and its choice was compared with that one: share that its choice won. */
  readonly againstBestSingle: { readonly candidate: string; readonly won: Interval } | null;
}

/** Everything measured of one router on one test split: plain JSON, as in `metrics.json`. */
export interface Evaluation {
  readonly schemaVersion: 1;
  readonly artifactId: string;
  readonly policy: string;
  readonly seed: number;
  readonly resamples: number;
  readonly config: unknown;
  readonly candidates: readonly string[];
  readonly prompts: { readonly fit: number; readonly calibrate: number; readonly test: number };
  readonly coverage: Coverage;
  readonly verdict: Verdict;
  /** The router first, then the baselines. Empty where routed quality cannot be measured. */
  readonly strategies: readonly Strategy[];
  readonly regret: { readonly mean: Interval; readonly noneShare: number } | null;
  readonly confusion: Confusion | null;
  readonly strongWeak: StrongWeak | null;
  readonly costQuality: CostQualityCurves | null;
  readonly calibration: {
    readonly success: readonly HeadCalibration[];
    readonly choice: ChoiceCalibration | null;
  };
  readonly amounts: {
    readonly costUsd: AmountError;
    readonly latencyMs: AmountError;
    /** Costs by candidate: whether they are expected right, each on its own answers. */
    readonly costs: readonly CandidateAmount[];
  };
  readonly tasks: readonly TaskRow[];
  /** Tasks with fewer prompts than those listed. */
  readonly tasksLeftOut: number;
  readonly decisionMicroseconds: LogHistogram | null;
  readonly routedLatencyMs: LogHistogram | null;
  /** Weights from the highest quality to the lowest cost, and what each is worth; null where it was not measured. */
  readonly dial: Dial | null;
  /** How well the router foretells which of two answers is preferred. Absent where nothing was compared. */
  readonly preferences?: PreferenceFigures;
  /** All test prompts, where the router was fitted and the other figures were got on a sample. Absent where it was not. */
  readonly whole?: WholeReport;
  /** How the figures were got where the log holds too little of each prompt to read them off; null where it need not. */
  readonly offPolicy: OffPolicyEvaluation | null;
}

/** How much of the truth the test split holds, and what the comparison rests on. */
export interface Coverage {
  /** `full`: every candidate on every prompt; `single`: never more than one; `none`: no quality at all. */
  readonly kind: 'full' | 'partial' | 'single' | 'none';
  /** Share of (prompt, candidate) cells whose quality was observed. */
  readonly observedShare: number;
  /** Test rows on which router and baselines are compared. */
  readonly comparedRows: number;
  /** Test rows left out because a compared candidate's quality is missing. */
  readonly incompleteRows: number;
  /** Test rows left out because the router chose a candidate that is not compared. */
  readonly unmeasuredChoices: number;
  /** Candidates that too few test rows have an outcome of. */
  readonly notCompared: readonly string[];
  /** Cells whose cost was missing and was taken to be the candidate's mean. */
  readonly imputedCosts: number;
  readonly costsKnown: boolean;
  /** Compared candidates of which no cost is known at all. */
  readonly costsUnknown: readonly string[];
  /**
   * Where the router's plans may ask several candidates: test rows left out because what was seen does not say what comes of the plan,
   * and what is lacking most often. Absent: whoever is chosen answers.
   */
  readonly plans?: { readonly unknownRows: number; readonly lacking: string | null };
}

export interface Verdict {
  readonly outcome: 'better' | 'worse' | 'unclear' | 'same' | 'unmeasured';
  /** Is this router better than no router, by how much, how sure. */
  readonly sentence: string;
  /** What a reader should know before trusting the sentence. */
  readonly caveats: readonly string[];
  readonly bestSingle: string | null;
  /** Router minus best single. */
  readonly againstBestSingle: Interval | null;
  /** Router minus the best fixed mix that costs no more; null without costs. */
  readonly againstFixedMix: Interval | null;
}

export type StrategyId =
  | 'router'
  | 'told'
  | 'cheapest'
  | 'bestSingle'
  | 'fixedMix'
  | 'shuffled'
  | 'nearest'
  | 'task'
  | 'oracle';

/** One way to choose, measured on the compared rows. */
export interface Strategy {
  readonly id: StrategyId;
  readonly name: string;
  /** What exactly it does. */
  readonly note: string;
  readonly quality: Interval;
  readonly costUsd: Interval | null;
  readonly latencyMs: Interval | null;
  /** Router's quality minus this one's, paired; null for the router itself. */
  readonly difference: Interval | null;
  /** This one's cost of a request minus the router's, paired, in US dollars; null for the router and without costs. */
  readonly saving: Interval | null;
  /** `[candidates]`: how often each was chosen. */
  readonly shares: readonly number[];
}

/** RouteLLM's metrics for one pair of candidates. */
export interface StrongWeak {
  readonly strong: string;
  readonly weak: string;
  readonly strongQuality: number;
  readonly weakQuality: number;
  readonly router: StrongWeakFigures;
  /** Ranking by the mean gap of the prompt's task on the training rows; null without tasks. */
  readonly task: StrongWeakFigures | null;
}

export interface StrongWeakFigures {
  readonly apgr: Interval;
  readonly cpt50: Interval;
  readonly cpt80: Interval;
  /** Share of strong calls that reaches 95 % of the strong candidate's quality. */
  readonly shareFor95: Interval;
  /** The curve, thinned for drawing. */
  readonly curve: readonly { readonly share: number; readonly quality: number }[];
}

export interface CostQualityCurves {
  /** The router's success and cost heads under quality - lambda * cost, lambda from 0 to infinity. */
  readonly router: readonly CostQuality[];
  readonly oracle: readonly CostQuality[];
  /** Best random mixtures of the candidates, by what they score on these very rows. */
  readonly mixes: readonly CostQuality[];
  readonly singles: readonly (CostQuality & { readonly candidate: string })[];
  readonly aiq: {
    readonly router: Interval;
    readonly mixes: Interval;
    readonly oracle: Interval;
    /** Router minus mixes. */
    readonly difference: Interval;
  } | null;
}

export interface CalibrationFigures {
  readonly rows: number;
  readonly ece10: number | null;
  readonly ece15: number | null;
  readonly debiasedEce: number | null;
  readonly brier: number | null;
  readonly nll: number | null;
}

export interface HeadCalibration extends CalibrationFigures {
  readonly candidate: string;
  /** Brier score of always saying the candidate's mean on the training rows. */
  readonly brierOfMean: number | null;
  readonly bins: readonly CalibrationBin[];
  readonly tasks: readonly (CalibrationFigures & { readonly task: string })[];
}

/** Top choice against whether it was best (ties shared); Brier and NLL over all candidates. */
export interface ChoiceCalibration extends CalibrationFigures {
  readonly bins: readonly CalibrationBin[];
}

export interface TaskRow {
  readonly task: string;
  readonly rows: number;
  readonly router: number;
  readonly bestSingle: number;
  /** Null where no prompt has every candidate's quality. */
  readonly oracle: number | null;
  /** Router minus best single. */
  readonly difference: Interval;
  readonly costUsd: number | null;
  readonly mostChosen: { readonly candidate: string; readonly share: number };
}

/** What a setting is worth beside always using one candidate, on the same prompts. Costs are of one request. */
export interface SettingWorth {
  readonly quality: Interval;
  readonly costUsd: Interval;
  /** Its quality minus that of the one candidate. */
  readonly difference: Interval;
  /** US dollars that it costs less than the one candidate. */
  readonly saving: Interval;
  /** The same as a share of what the one candidate costs; null where that costs nothing. */
  readonly savedShare: Interval | null;
  /** How often each candidate was chosen: [candidates] */
  readonly shares: readonly number[];
}

/** That mean quality is at most `maxLoss` below that of always using one candidate. */
export interface LossShown {
  readonly maxLoss: number;
  /** 0 to 1 */
  readonly confidence: number;
  /** Prompts that show it. Nothing was fitted on them but the calibrators. */
  readonly rows: number;
  /** By Learn-then-Test; where outcomes were estimated, by a normal approximation to their mean. */
  readonly by: 'learn-then-test' | 'normal approximation';
}

export interface DialSetting {
  readonly id: DialSettingId;
  /** Null where no weights can be shown to keep to the loss. */
  readonly weights: UtilityWeights | null;
  /** On the test split; null where it was not measured. */
  readonly worth: SettingWorth | null;
  /** Null where none was asked for. */
  readonly guarantee: LossShown | null;
  /** Why there are no weights, or no figures, in a sentence; null where there are both. */
  readonly reason: string | null;
}

/** Ways to ask: by the prompt alone (`route`; `prompt`, a cascade on it), and by what is said (`answer`, a cascade on it; `routing`). */
export const WAY_IDS = ['route', 'prompt', 'answer', 'routing'] as const;
export type WayId = (typeof WAY_IDS)[number];

/** A setting: of `route` and `routing` the weight of cost, of cascades the threshold. */
export interface WayPoint extends CostQuality {
  readonly dial: number;
}

/** The cheapest setting of which it is shown that it loses at most so much against always asking the last candidate. */
export interface WaySaving {
  readonly maxLoss: number;
  /** Null where there is none. */
  readonly dial: number | null;
  /** Its quality minus that of the last candidate, on the test split; null where it was not measured. */
  readonly difference: Interval | null;
  /** What it saves of the last candidate's cost, likewise; under 0 where it costs more. */
  readonly savedShare: Interval | null;
  /** Why there is none, in a sentence; null where there is one. */
  readonly reason: string | null;
}

export interface Way {
  readonly id: WayId;
  /** Settings chosen on the calibrate split, ascending by what they cost there, with what they are worth on the test split. */
  readonly curve: readonly WayPoint[];
  readonly savings: readonly WaySaving[];
  /** Why it is not measured, in a sentence; null where it is. */
  readonly missing: string | null;
}

/** Ways to ask the same candidates on the same prompts, beside each other. Plain JSON, in `metrics.json`. */
export interface Ways {
  /** Cheapest first; the last is the best single candidate in training, which losses are counted from. */
  readonly chain: readonly string[];
  /** Each of the chain alone, on the same test prompts. */
  readonly singles: readonly CostQuality[];
  /** Test prompts that they were measured on. */
  readonly rows: number;
  /** Prompts of the calibrate split that settings were chosen on; null: an earlier evaluation chose them. */
  readonly chosenOn: number | null;
  /** Whether figures are doubly robust estimates. */
  readonly isEstimated: boolean;
  readonly ways: readonly Way[];
  /** Why they are not compared, in a sentence; null where they are. */
  readonly missing: string | null;
}

/** What a router's weights are worth from the highest quality to the lowest cost. Plain JSON, in `metrics.json`. */
export interface Dial {
  /** Always using the best single candidate in training, which settings are compared with; null where nothing is. */
  readonly against: {
    readonly candidate: string;
    readonly quality: Interval;
    readonly costUsd: Interval;
  } | null;
  /** Test prompts that the settings were measured on. */
  readonly rows: number;
  /** Whether figures are doubly robust estimates. */
  readonly isEstimated: boolean;
  readonly settings: readonly DialSetting[];
  /** The setting that the router's own policy is at; null where it is at none of them. */
  readonly inUse: DialSettingId | null;
  /** Whether the router's own policy explores beside, which no setting here does. Absent: no. */
  readonly isExploring?: boolean | undefined;
  /** The same prompts asked in other ways. Absent: they were not compared. */
  readonly ways?: Ways | undefined;
  /** Why there is no dial, in a sentence; null where there is. */
  readonly missing: string | null;
}

/** Settings that lose at most so much quality against always using the best single candidate. */
export const DIAL_LOSSES = { 'lose-1': 0.01, 'lose-2': 0.02, 'lose-5': 0.05 } as const;

/** Settings of the dial, from the highest quality to the lowest cost. */
export const DIAL_SETTINGS = ['best', 'lose-1', 'lose-2', 'lose-5', 'balanced', 'cheapest'] as const;

export type DialSettingId = (typeof DIAL_SETTINGS)[number];

const LABELS: Readonly<Record<DialSettingId, string>> = {
  best: 'best quality',
  'lose-1': 'lose at most 1 point',
  'lose-2': 'lose at most 2 points',
  'lose-5': 'lose at most 5 points',
  balanced: 'balanced',
  cheapest: 'cheapest',
};

/** "lose at most 2 points" */
export function settingLabel(id: DialSettingId): string {
  return LABELS[id];
}

/** Whether a setting keeps to a loss, and is found by testing; the others are named weights of a `utility` policy. */
export function isLossSetting(id: DialSettingId): id is keyof typeof DIAL_LOSSES {
  return id in DIAL_LOSSES;
}

/** An evaluation on a log of few candidates per prompt, most often one: how its figures were got, and whether they could. */
export interface OffPolicyEvaluation {
  /** What the strategies' figures are. */
  readonly estimator: 'dr';
  /** Whether the log says how likely each outcome was to be in it, or a model had to. */
  readonly propensities: 'logged' | 'fitted';
  /** What must hold for the propensities to be right, in a sentence. */
  readonly assumption: string;
  /** Test prompts with an outcome; the figures rest on them. */
  readonly rows: number;
  /** Test prompts without one. */
  readonly unratedRows: number;
  /** Inverse propensities above this were cut. */
  readonly clip: number;
  /** Why the log cannot answer, in sentences; empty where it can. */
  readonly refusals: readonly string[];
  /** The router by every estimator; empty where the log cannot answer. */
  readonly estimates: readonly OffPolicyEstimate[];
  readonly overlap: {
    readonly router: Overlap;
    /** Null where no candidate can be compared. */
    readonly bestSingle: Overlap | null;
    /** Always choosing it. */
    readonly candidates: readonly (Overlap & { readonly candidate: string; readonly compared: boolean })[];
    /** The router on the prompts of each task. */
    readonly tasks: readonly (Overlap & { readonly task: string })[];
  };
}

/** What one estimator says of the router. */
export interface OffPolicyEstimate {
  readonly estimator: EstimatorId;
  readonly quality: Interval;
  /** Router minus best single, paired by prompt. */
  readonly againstBestSingle: Interval;
  /** Router minus the best fixed mix at equal cost; null without costs. */
  readonly againstFixedMix: Interval | null;
  /** Of switch-DR: errors with a weight above it were left to the model. Null where none were. */
  readonly switchAt: number | null;
}
