import { hash } from 'node:crypto';
import { type Decision, type Request, readPrompt } from 'pointsman';
import type { Attempt } from 'pointsman/execution';

/** How logs of the gateway hash: at once, where the platform's own way takes a thread and a promise. */
export const sha256 = (bytes: Uint8Array): string => hash('sha256', bytes);

/** One decision and what came of it: what `GET /v1/decisions/:id` gives. */
export interface DecisionRecord {
  readonly id: string;
  /** ISO 8601. */
  readonly at: string;
  readonly route: string;
  /** Null where the request named a candidate. */
  readonly router: string | null;
  readonly keyId: string | null;
  readonly conversationId: string | null;
  /** `model` as it was asked for. */
  readonly asked: string;
  /** The beginning of what was asked; null where words are not to be kept. */
  readonly prompt: string | null;
  readonly decision: Decision;
  /** Who answered; null while nobody has, and where nobody did. */
  readonly candidate: string | null;
  /** The model that the upstream says has answered. */
  readonly servedModel: string | null;
  readonly state: 'decided' | 'running' | 'answered' | 'failed' | 'left' | 'refused';
  /** HTTP status; null while it is not known. */
  readonly status: number | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly attempts: readonly Attempt[];
  /** US dollars of every attempt. */
  readonly costUsd: number | null;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly latencyMs: number | null;
  /** Milliseconds of the gateway's own before it sent. */
  readonly overheadMs: number | null;
  readonly feedback: readonly GivenFeedback[];
}

/** How good somebody found an answer, or what it should have been. */
export interface GivenFeedback {
  readonly at: string;
  /** 0 to 1. */
  readonly quality?: number;
  readonly comment?: string;
  readonly rightAnswer?: string;
  readonly source?: string;
  readonly candidate?: string;
}

/** What comes of a decision later. */
const NOTHING_YET = {
  candidate: null,
  servedModel: null,
  error: null,
  attempts: [],
  costUsd: null,
  inputTokens: 0,
  outputTokens: 0,
  feedback: [],
};

/** The newest decisions, in memory of a bounded size: older ones are in the decision log. */
export interface DecisionRecords {
  /** @param record of what was just decided: nobody has answered. */
  add(record: Omit<DecisionRecord, keyof typeof NOTHING_YET>): void;
  /** Changes what is kept; nothing where it is gone already. */
  update(id: string, change: Partial<DecisionRecord>): void;
  get(id: string): DecisionRecord | undefined;
  /** The id of the last decision of a conversation. */
  lastOf(conversationId: string): string | undefined;
  /** All of them, the oldest first. */
  all(): Iterable<DecisionRecord>;
  /** Tells of every decision that is made, and of what comes of it. @returns a function that ends it */
  watch(changed: (record: DecisionRecord) => void): () => void;
}

/** @param capacity decisions, and conversations, that are kept. */
export function createDecisionRecords(capacity: number): DecisionRecords {
  // A map keeps the order in which its keys came.
  const records = new Map<string, DecisionRecord>();
  const conversations = new Map<string, string>();
  const watchers = new Set<(record: DecisionRecord) => void>();
  const keep = (record: DecisionRecord) => {
    records.set(record.id, record);
    for (const changed of watchers) changed(record);
  };
  return {
    add(record) {
      keep({ ...record, ...NOTHING_YET });
      dropOldest(records, capacity);
      const { conversationId } = record;
      if (conversationId !== null) {
        conversations.delete(conversationId);
        conversations.set(conversationId, record.id);
        dropOldest(conversations, capacity);
      }
    },
    update(id, change) {
      const record = records.get(id);
      if (record === undefined) return;
      keep({ ...record, ...change });
    },
    get: (id) => records.get(id),
    lastOf: (conversationId) => conversations.get(conversationId),
    all: () => records.values(),
    watch(changed) {
      watchers.add(changed);
      return () => watchers.delete(changed);
    },
  };
}

/** Characters of a prompt that are shown. */
const SHOWN_CHARACTERS = 300;

/** The beginning of what the user said last. */
export function shownPrompt(request: Request): string {
  const last = request.messages?.findLast((message) => message?.role === 'user');
  const { text } = readPrompt(last === undefined ? request : { messages: [last] });
  // A text of its own: a part of one would hold the whole of it in memory.
  return Buffer.from(text.slice(0, SHOWN_CHARACTERS), 'utf16le').toString('utf16le');
}

function dropOldest(map: Map<string, unknown>, capacity: number): void {
  if (map.size > capacity) map.delete(map.keys().next().value as string);
}

/** An answer that may still be rated. */
export interface RatableAnswer {
  readonly router: string | null;
  /** Id of the artifact that decided. */
  readonly version: string;
  /** Who answered. */
  readonly candidate: string;
  readonly keyId: string | null;
  /** The conversation or user; null for a request by itself. */
  readonly unit: string | null;
  readonly task: string | null;
  /** The probability that was predicted of its being good; null where the candidate was not among those that were predicted. */
  readonly predicted: number | null;
  /** Null where somebody else answered than was decided. */
  readonly propensity: number | null;
}

/** What is needed of a decision when a rating of its answer comes: far less than its record, so that far more are kept. */
export interface RatableAnswers {
  add(id: string, answer: RatableAnswer): void;
  /** An answer that was not rated yet. */
  get(id: string): RatableAnswer | undefined;
  /**
   * The answer of a decision, once: undefined when it was rated already, or is too long ago.
   *
   * @param candidate whose answer is meant; undefined for who answered.
   */
  take(id: string, candidate: string | undefined): RatableAnswer | undefined;
}

/** @param capacity answers that are kept; the oldest make room. */
export function createRatableAnswers(capacity: number): RatableAnswers {
  const answers = new Map<string, RatableAnswer>();
  return {
    add(id, answer) {
      answers.set(id, answer);
      dropOldest(answers, capacity);
    },
    get: (id) => answers.get(id),
    take(id, candidate) {
      const answer = answers.get(id);
      if (candidate !== undefined && candidate !== answer?.candidate) return undefined;
      answers.delete(id);
      return answer;
    },
  };
}
