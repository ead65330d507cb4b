/**
 * A language model as the AI SDK has them: LanguageModelV3 of `ai` 6, LanguageModelV4 of `ai` 7. Written down by their
 * common shape, so that this package depends on neither; what is not looked at here is handed on as it is.
 */
export interface SdkModel {
  readonly specificationVersion: string;
  readonly provider: string;
  readonly modelId: string;
  readonly supportedUrls: PromiseLike<Record<string, RegExp[]>> | Record<string, RegExp[]>;
  doGenerate(options: never): PromiseLike<unknown>;
  doStream(options: never): PromiseLike<unknown>;
}

/** What is looked at of the options of a call. */
export interface SdkCallOptions {
  readonly prompt: readonly SdkMessage[];
  readonly tools?: readonly unknown[];
  readonly responseFormat?: { readonly type: string };
  readonly abortSignal?: AbortSignal;
  readonly seed?: number;
  readonly providerOptions?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

export interface SdkMessage {
  readonly role: string;
  readonly content: string | readonly SdkPart[];
}

export interface SdkPart {
  readonly type: string;
  readonly text?: string;
  readonly mediaType?: string;
  readonly [field: string]: unknown;
}

export interface SdkUsage {
  readonly inputTokens: { readonly total: number | undefined; readonly [field: string]: unknown };
  readonly outputTokens: { readonly total: number | undefined; readonly [field: string]: unknown };
}

export interface SdkFinishReason {
  readonly unified: string;
  readonly raw: string | undefined;
}

export type SdkMetadata = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** What `doGenerate` gives. */
export interface SdkResult {
  readonly content: readonly SdkContent[];
  readonly finishReason: SdkFinishReason;
  readonly usage: SdkUsage;
  readonly warnings: readonly unknown[];
  readonly providerMetadata?: SdkMetadata;
  readonly response?: { readonly id?: string; readonly modelId?: string; readonly timestamp?: Date };
}

export interface SdkContent {
  readonly type: string;
  readonly text?: string;
  readonly toolCallId?: string;
  readonly toolName?: string;
  readonly input?: string;
  readonly providerMetadata?: SdkMetadata;
}

/** A part of what `doStream` gives. */
export interface SdkStreamPart {
  readonly type: string;
  readonly id?: string;
  readonly delta?: string;
  readonly toolName?: string;
  readonly toolCallId?: string;
  readonly input?: string;
  readonly error?: unknown;
  readonly finishReason?: SdkFinishReason;
  readonly usage?: SdkUsage;
  readonly providerMetadata?: SdkMetadata;
  readonly modelId?: string;
  readonly [field: string]: unknown;
}
