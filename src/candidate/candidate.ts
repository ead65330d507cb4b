/** What a request or an answer may be made of. Documents are files that are neither text nor one of the others: PDF, above all. */
export const MODALITIES = ['text', 'image', 'audio', 'video', 'document'] as const;
export type Modality = (typeof MODALITIES)[number];

/** What a candidate asks for its tokens, in US dollars per million. */
export interface TokenPrices {
  readonly inputPricePerMillionTokens?: number;
  readonly outputPricePerMillionTokens?: number;
  /** Of input tokens that the provider has in its cache. @default the input price */
  readonly cachedInputPricePerMillionTokens?: number;
  /** Of output tokens that were thought and not said. @default the output price */
  readonly reasoningPricePerMillionTokens?: number;
}

/** A model (or tool) that may be chosen. */
export interface Candidate extends TokenPrices {
  /** The name in the outcomes table, in decisions and in the client map. */
  readonly name: string;
  /** Longest input plus output, in tokens. */
  readonly contextWindowTokens?: number;
  /** Input modalities it reads. @default ['text'] */
  readonly modalities?: readonly Modality[];
  /** Whether it can call tools. @default true */
  readonly supportsTools?: boolean;
  /** It is known, but never chosen nor fallen back on. @default false */
  readonly retired?: boolean;
}
