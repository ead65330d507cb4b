import type { Answer, AnswerChunk } from './answer.ts';
import { chunkLength } from './answer-builder.ts';
import type { Channel } from './async.ts';
import { answerChunks } from './read-answer.ts';
import { SupersededError } from './superseded-error.ts';

/** Where the pieces of a streamed answer go. The first that commits has it; whoever comes later is told to stop. */
export interface Output {
  /** Whether the caller has been given something. */
  readonly committed: boolean;
  /** A sink that tells when it was the one to commit. */
  branch(onCommit: () => void): Sink;
  /** A whole answer, of which nothing was written yet. */
  writeWhole(answer: Answer): Promise<void>;
}

export interface Sink {
  /** For one attempt. */
  open(): Writer;
  branch(onCommit: () => void): Sink;
}

export interface Writer {
  /** Whether this one is it. */
  readonly committed: boolean;
  /** @throws SupersededError when another one is it. */
  write(chunk: AnswerChunk): Promise<void>;
  /** Commits what is there, however little. */
  end(): Promise<void>;
}

/** @param commitAfter UTF-16 units that are held back before the first is handed on; ≥ 0. */
export function createOutput(
  channel: Channel<AnswerChunk>,
  commitAfter: number,
  onCommit: () => void,
): Output {
  let owner: Writer | undefined;
  const claim = (writer: Writer, listeners: readonly (() => void)[]) => {
    if (owner === writer) return;
    if (owner !== undefined) throw new SupersededError();
    owner = writer;
    for (const listener of listeners) listener();
    onCommit();
  };
  const openWriter = (listeners: readonly (() => void)[]): Writer => {
    let held: AnswerChunk[] = [];
    let characters = 0;
    const release = async () => {
      claim(writer, listeners);
      const chunks = held;
      held = [];
      for (const chunk of chunks) await channel.push(chunk);
    };
    const writer: Writer = {
      get committed() {
        return owner === writer;
      },
      async write(chunk) {
        held.push(chunk);
        characters += chunkLength(chunk);
        if (owner === writer || characters >= commitAfter) await release();
      },
      end: release,
    };
    return writer;
  };
  const sink = (listeners: readonly (() => void)[]): Sink => ({
    open: () => openWriter(listeners),
    branch: (listener) => sink([...listeners, listener]),
  });
  return {
    get committed() {
      return owner !== undefined;
    },
    branch: (listener) => sink([listener]),
    async writeWhole(answer) {
      const writer = openWriter([]);
      for (const chunk of answerChunks(answer)) await writer.write(chunk);
      await writer.end();
    },
  };
}
