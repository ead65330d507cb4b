import type { PolicySpec } from 'pointsman';
import { createPolicy, createRandom, type PolicyContext, type Random, tokenCost } from 'pointsman/internal';
import { readTurn } from '../../src/router/conversation.ts';
import { atMost, type BenchLine, plain } from '../bench-line.ts';

const CONVERSATIONS = 2000;
const MINUTE = 60_000;

/** US dollars per million tokens, and how able each is: what a prompt's difficulty is taken from, in logits. */
const CANDIDATES = [
  {
    name: 'small',
    ability: 0.6,
    inputPricePerMillionTokens: 0.25,
    cachedInputPricePerMillionTokens: 0.025,
    outputPricePerMillionTokens: 2,
  },
  {
    name: 'medium',
    ability: 1.4,
    inputPricePerMillionTokens: 1.25,
    cachedInputPricePerMillionTokens: 0.125,
    outputPricePerMillionTokens: 10,
  },
  {
    name: 'large',
    ability: 2,
    inputPricePerMillionTokens: 3,
    cachedInputPricePerMillionTokens: 0.3,
    outputPricePerMillionTokens: 15,
  },
] as const;

/** One turn as it comes, whoever answers. */
interface SimulatedTurn {
  /** Milliseconds since the answer before. */
  readonly pauseMs: number;
  /** Tokens that it adds: what the user says, and results of tools. */
  readonly added: number;
  readonly outputTokens: number;
  /** Probability of a good answer, and what the router takes it for. */
  readonly success: readonly number[];
  readonly predicted: readonly number[];
  /** Decides whether the answer is good, and whether a provider still has its prefix. */
  readonly luck: number;
  readonly cacheLuck: number;
}

/**
 * A system prompt with tools of 3,000 to 15,000 tokens, then turns: 8 on average, each adds 200 to 3,000 tokens. Half a minute passes between
 * them on average, and now and then a quarter of an hour. How hard they are is partly the conversation's, partly the turn's own, and
 * the router is off by half a logit. Of prefixes younger than five minutes, providers have 95 in 100.
 */
function simulatedConversation(random: Random): {
  readonly prefix: number;
  readonly turns: readonly SimulatedTurn[];
} {
  const hard = random.normal();
  const turns: SimulatedTurn[] = [];
  do {
    const difficulty = hard + random.normal();
    const logits = CANDIDATES.map(({ ability }) => ability - difficulty);
    const sigmoid = (z: number) => 1 / (1 + Math.exp(-z));
    turns.push({
      pauseMs: random.next() < 0.08 ? 15 * MINUTE : -30_000 * Math.log(1 - random.next()),
      added: 200 + random.integer(2800),
      outputTokens: 100 + random.integer(700),
      success: logits.map(sigmoid),
      predicted: logits.map((logit) => sigmoid(logit + 0.5 * random.normal())),
      luck: random.next(),
      cacheLuck: random.next(),
    });
  } while (random.next() < 7 / 8 && turns.length < 50);
  return { prefix: 3000 + random.integer(12_000), turns };
}

export interface SessionFigures {
  readonly costUsd: number;
  readonly quality: number;
  /** Share of input tokens that came from a cache. */
  readonly cached: number;
  /** Turns that another candidate answered than the one before, in a hundred. */
  readonly switches: number;
}

/** @param isTold whether the router knows of the conversation. */
export function playSessions(
  spec: PolicySpec,
  isTold: boolean,
  conversations = CONVERSATIONS,
): SessionFigures {
  const random = createRandom(11);
  const candidates = CANDIDATES.map((candidate) => ({
    ...candidate,
    // Of a request of 15,000 tokens, nothing cached.
    meanCostUsd: tokenCost(candidate, 15_000, 450),
    meanLatencyMs: null,
  }));
  const policy = createPolicy(spec, candidates);
  let [cost, good, input, cached, switched, turnsPlayed] = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < conversations; i++) {
    const { prefix, turns } = simulatedConversation(random);
    const answers: {
      candidate: string;
      at: number;
      inputTokens: number;
      outputTokens: number;
      cachedTokens: number;
    }[] = [];
    let now = 0;
    let length = prefix;
    for (const turn of turns) {
      now += turn.pauseMs;
      length += turn.added;
      const known = answers.map(({ at, ...answer }) => ({ ...answer, ageMs: now - at }));
      const told = isTold
        ? readTurn({ text: '' }, { conversation: { turns: known } }, candidates)
        : undefined;
      const warm = told?.options.cachedTokens ?? {};
      const context: PolicyContext = {
        predictions: {
          choice: Float64Array.from(turn.predicted),
          success: Float64Array.from(turn.predicted),
          costUsd: Float64Array.from(candidates, (each) =>
            tokenCost(each, length, 450, warm[each.name] ?? 0),
          ),
          latencyMs: new Float64Array(candidates.length).fill(Number.NaN),
        },
        needs: { tokens: length, modalities: ['text'], tools: false },
        overrides: {},
        signals: () => ({}) as never,
        novelty: () => null,
        uncertainty: () => undefined,
        random: () => 0.5,
        stay: told?.stay,
      };
      const chosen = policy.decide(context).order[0];
      const { name } = candidates[chosen];
      // What a provider has: all that it read and wrote at its last answer, if that is not too long ago.
      const before = answers.findLast(({ candidate }) => candidate === name);
      const isWarm = before !== undefined && now - before.at < 5 * MINUTE && turn.cacheLuck < 0.95;
      const fromCache = isWarm ? before.inputTokens + before.outputTokens : 0;
      cost += tokenCost(candidates[chosen], length, turn.outputTokens, fromCache);
      input += length;
      cached += fromCache;
      good += Number(turn.luck < turn.success[chosen]);
      switched += Number(answers.length > 0 && answers.at(-1)!.candidate !== name);
      turnsPlayed++;
      answers.push({
        candidate: name,
        at: now,
        inputTokens: length,
        outputTokens: turn.outputTokens,
        cachedTokens: fromCache,
      });
      length += turn.outputTokens;
    }
  }
  return {
    costUsd: cost / conversations,
    quality: good / turnsPlayed,
    cached: cached / input,
    switches: (100 * switched) / turnsPlayed,
  };
}

const utility = (cost: number): PolicySpec => ({
  kind: 'utility',
  weights: { quality: 1, cost, latency: 0 },
});
const COST_WEIGHT = 0.3;

/** What each turn by itself costs at a weight of cost at which its answers are as good, by bisection. */
function aloneAtQuality(quality: number): SessionFigures {
  let [low, high] = [0, 2];
  let figures = playSessions(utility(low), false);
  for (let step = 0; step < 9; step++) {
    const middle = (low + high) / 2;
    figures = playSessions(utility(middle), false);
    if (figures.quality > quality) low = middle;
    else high = middle;
  }
  return figures;
}

/** What a conversation costs, how good its answers are and how much comes from caches, with and without a session. */
export function simulateSessions(onProgress: (what: string) => void): BenchLine[] {
  const play = (name: string, spec: PolicySpec, isTold: boolean) => {
    onProgress(`sessions, ${name}`);
    return { name, ...playSessions(spec, isTold) };
  };
  const session = (more: object): PolicySpec => ({ kind: 'session', policy: utility(COST_WEIGHT), ...more });
  const free = play('session, margin 0.05', session({ switchMargin: 0.05 }), true);
  const played = [
    play('each turn by itself', utility(COST_WEIGHT), false),
    play('caches counted, no session', utility(COST_WEIGHT), true),
    free,
    play('session, upwards, margin 0.05', session({ switchMargin: 0.05, mode: 'upwards' }), true),
    play('session, pin', session({ mode: 'pin' }), true),
  ];
  onProgress('sessions, each turn by itself at the same quality');
  const alone = { name: 'each turn by itself, as good as the session', ...aloneAtQuality(free.quality) };
  const note = `${CONVERSATIONS} simulated conversations of 8 turns on average; rule in bench/simulations/sessions.ts`;
  return [
    ...[...played, alone].flatMap(({ cached, costUsd, name, quality, switches }) => [
      plain(`${name}: cost`, 1000 * costUsd, 'US dollars per 1,000 conversations', note),
      plain(`${name}: good answers`, 100 * quality, '%', note),
      plain(`${name}: input from caches`, 100 * cached, '%', note),
      plain(`${name}: turns that switch`, switches, '%', note),
    ]),
    atMost(
      'cost of a session, against each turn by itself at the same quality',
      (100 * free.costUsd) / alone.costUsd,
      '%',
      95,
      note,
    ),
  ];
}
