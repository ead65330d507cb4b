import { type AnswerChunk, MalformedAnswerError } from 'pointsman/execution';
import { isTranslated, type TranslatedAnswer, type TranslatedPiece } from '../upstreams/raw-answer.ts';

/** What an answer is made of, in the order it was said. */
export type Block =
  | { readonly kind: 'reasoning'; text: string; signed?: string }
  | { readonly kind: 'text'; text: string }
  | { readonly kind: 'call'; readonly id: string; readonly name: string; text: string }
  /** What a provider signed and said no words of. */
  | { readonly kind: 'signed'; text: string }
  | { readonly kind: 'file'; readonly mediaType: string; text: string };

/** How a protocol writes a block as it comes; `index` counts blocks from 0. */
export interface BlockEvents {
  /** All that is known of it before any of its text. */
  begin(block: Block, index: number): string;
  more(block: Block, index: number, text: string): string;
  /** With everything in it. */
  end(block: Block, index: number): string;
}

/** Puts the pieces of an answer together to blocks, and tells of each as it comes. */
export interface BlockReader {
  readonly blocks: readonly Block[];
  /** @throws MalformedAnswerError when a piece belongs to a call that is over. */
  add(chunk: AnswerChunk): string;
  /** Nothing comes any more. */
  end(): string;
}

const SILENT: BlockEvents = { begin: () => '', more: () => '', end: () => '' };

export function createBlockReader({ begin, end, more }: BlockEvents = SILENT): BlockReader {
  const blocks: Block[] = [];
  /** The block of each call, by its index among the pieces. */
  const calls = new Map<number, Block>();
  let open: Block | undefined;
  const last = () => blocks.length - 1;
  const close = () => {
    const text = open === undefined ? '' : end(open, last());
    open = undefined;
    return text;
  };
  const start = (block: Block, text: string) => {
    const before = close();
    blocks.push(block);
    open = block;
    const begun = begin(block, last());
    block.text = text;
    return before + begun + (text === '' ? '' : more(block, last(), text));
  };
  const go = (text: string) => {
    const block = open as Block;
    block.text += text;
    return text === '' ? '' : more(block, last(), text);
  };
  const say = (kind: 'reasoning' | 'text', text: string) => {
    if (text === '') return '';
    return open?.kind === kind ? go(text) : start({ kind, text: '' }, text);
  };
  const call = ({
    arguments: text = '',
    id = '',
    index,
    name = '',
  }: NonNullable<AnswerChunk['toolCall']>) => {
    const known = calls.get(index);
    if (known === undefined) {
      const block: Block = { kind: 'call', id, name, text: '' };
      calls.set(index, block);
      return start(block, text);
    }
    if (known === open) return go(text);
    if (text === '') return '';
    throw new MalformedAnswerError(
      'A tool call went on after another one had begun, which no protocol can tell of.',
    );
  };
  const sign = (signed: string) => {
    if (open?.kind === 'reasoning') {
      open.signed = signed;
      return close();
    }
    return start({ kind: 'signed', text: '' }, signed) + close();
  };
  return {
    blocks,
    add({ raw, reasoning = '', text = '', toolCall }) {
      const { file, signed }: Partial<TranslatedPiece> = isTranslated(raw) ? raw : {};
      return (
        say('reasoning', reasoning) +
        (signed === undefined || toolCall !== undefined ? '' : sign(signed)) +
        say('text', text) +
        (toolCall === undefined ? '' : call(toolCall)) +
        (signed === undefined || toolCall === undefined ? '' : sign(signed)) +
        (file === undefined
          ? ''
          : start({ kind: 'file', mediaType: file.mediaType, text: '' }, file.data) + close())
      );
    },
    end: close,
  };
}

/** What a whole answer is made of. */
export function blocksOf(chunks: readonly AnswerChunk[]): readonly Block[] {
  const reader = createBlockReader();
  for (const chunk of chunks) reader.add(chunk);
  reader.end();
  return reader.blocks;
}

/** The pieces of a whole answer, as its provider gave them or as they are known. */
export function piecesOf(answer: {
  readonly raw?: unknown;
  readonly reasoning: string;
  readonly text: string;
  readonly toolCalls: readonly { readonly id: string; readonly name: string; readonly arguments: string }[];
}): readonly AnswerChunk[] {
  const { raw, reasoning, text, toolCalls } = answer;
  if (isTranslated(raw)) return (raw as TranslatedAnswer).chunks;
  return [{ reasoning }, { text }, ...toolCalls.map((call, index) => ({ toolCall: { index, ...call } }))];
}
