import type { SdkCallOptions, SdkMetadata } from './sdk-model.ts';

/** Asks for log-probabilities. There is no setting for all providers; those of OpenAI's kind read this one. */
export function withLogprobs(call: SdkCallOptions): SdkCallOptions {
  const { providerOptions = {} } = call;
  return {
    ...call,
    providerOptions: { ...providerOptions, openai: { logprobs: true, ...providerOptions.openai } },
  };
}

/** The log-probabilities that a provider tells of, whichever it is; undefined where none does. */
export function readSdkLogprobs(metadata: SdkMetadata | undefined): number[] | undefined {
  for (const { logprobs } of Object.values(metadata ?? {})) {
    if (!Array.isArray(logprobs)) continue;
    const found = logprobs
      .flat(2)
      .map((token: { readonly logprob?: unknown } | null) => token?.logprob)
      .filter((value) => typeof value === 'number');
    if (found.length > 0) return found;
  }
  return undefined;
}
