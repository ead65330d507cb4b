/** What a request or an answer may be made of. */
export type Modality = 'text' | 'image' | 'audio';

/** A model (or tool) that may be chosen. */
export interface Candidate {
  /** The name in the outcomes table, in decisions and in the client map. */
  readonly name: string;
  /** US dollars per million input tokens. */
  readonly inputPricePerMillionTokens?: number;
  /** US dollars per million output tokens. */
  readonly outputPricePerMillionTokens?: number;
  /** Longest input plus output, in tokens. */
  readonly contextWindowTokens?: number;
  /** Input modalities it reads. @default ['text'] */
  readonly modalities?: readonly Modality[];
  /** Whether it can call tools. @default true */
  readonly supportsTools?: boolean;
  /** It is known, but never chosen nor fallen back on. @default false */
  readonly retired?: boolean;
}
