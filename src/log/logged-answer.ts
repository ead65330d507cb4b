import type { AnswerKeeper } from '../answer/answer-features.ts';
import type { Sha256 } from '../artifact/read-artifact.ts';
import { type Prompt, type Request, readPrompt } from '../request.ts';

/** What is kept of an answer: what it looks like, and its words only where they are to be kept. */
export interface LoggedAnswer {
  /** sha256 of its text, in 64 hex digits. */
  readonly hash: string;
  /** How it ended: `stop`, `length`, `tool-calls`, `content-filter`, `other`. */
  readonly finishReason?: string;
  readonly text?: string;
  /** Version of `checks`. */
  readonly version?: number;
  /** Features of it, against what was asked; left out where that is not known. */
  readonly checks?: readonly number[];
  /** sha256 of what it finally says and of the decision's id: the same for answers to one request that agree. */
  readonly key?: string;
}

/** An answer as it is told to a log. */
export interface SaidAnswer {
  readonly text: string;
  /** @default not known */
  readonly finishReason?: string | null;
  /** What was asked: an answer is looked at beside it. @default its looks are not kept */
  readonly request?: Request;
}

/** An answer as it is held until it is looked at. */
export interface PendingAnswer {
  /** UTF-16 units of text. */
  readonly size: number;
  readonly text: string;
  readonly finishReason: string | null;
  readonly prompt: Prompt | undefined;
}

/** Holds what is needed of an answer, and not the request: a conversation goes on after it was answered. */
export function pendingAnswer(
  { finishReason = null, text }: Omit<SaidAnswer, 'request'>,
  request: Request | undefined,
): PendingAnswer {
  const prompt = request === undefined ? undefined : promptOf(request);
  return { size: text.length + (prompt?.text.length ?? 0), text, finishReason, prompt };
}

/** Of a request that cannot be read nothing is known. */
function promptOf(request: Request): Prompt | undefined {
  try {
    return readPrompt(request);
  } catch {
    return undefined;
  }
}

export type OpenKeeper = () => Promise<AnswerKeeper>;

/** What reads answers is loaded when the first one is logged. */
export function lazyKeeper(): OpenKeeper {
  let opened: Promise<AnswerKeeper> | undefined;
  return () => {
    opened ??= import('../answer/answer-features.ts').then(({ createAnswerKeeper }) => createAnswerKeeper());
    return opened;
  };
}

export async function loggedAnswer(
  { finishReason, prompt, text }: PendingAnswer,
  id: string,
  {
    answers,
    openKeeper,
    sha256,
  }: {
    readonly answers: 'features' | 'text' | 'none';
    readonly openKeeper: OpenKeeper;
    readonly sha256: Sha256;
  },
): Promise<LoggedAnswer> {
  const said = {
    hash: await sha256(new TextEncoder().encode(text)),
    ...(finishReason === null ? {} : { finishReason }),
    ...(answers === 'text' ? { text } : {}),
  };
  if (prompt === undefined) return said;
  const keeper = await openKeeper();
  const { checks, key } = keeper.keep(
    keeper.readQuestion(prompt),
    { text, finishReason, logprobs: null },
    id,
  );
  return { ...said, version: keeper.version, checks, key: await sha256(key) };
}
