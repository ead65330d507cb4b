import type { SdkMessage, SdkMetadata, SdkPart } from './sdk-model.ts';

/** Whose answer a part was: only they can read what they signed, encrypted or stored. */
export interface Issuer {
  readonly candidate: string;
  /** The model's `provider`, such as `anthropic.messages`. */
  readonly provider: string;
  readonly modelId: string;
}

/** Notes on a part that holds data of its provider's whose it is; the SDK hands it on into the next prompt. */
export function issuedBy<Part extends { readonly providerMetadata?: SdkMetadata }>(
  part: Part,
  { candidate, provider }: Issuer,
): Part {
  if (part.providerMetadata === undefined) return part;
  return { ...part, providerMetadata: { ...part.providerMetadata, pointsman: { candidate, provider } } };
}

/**
 * A prompt as one model may read it. Thoughts that another provider signed are left out: it would be refused for them,
 * or take them for its own words. Of other parts only that provider's data is.
 */
export function promptFor(prompt: readonly SdkMessage[], reader: Issuer): readonly SdkMessage[] {
  return prompt.flatMap((message) => {
    if (message.role !== 'assistant' || typeof message.content === 'string') return [message];
    const content = message.content.flatMap((part) => partFor(part, reader));
    // A turn of thoughts alone would be an empty message, which providers refuse.
    return content.length === 0 && message.content.length > 0 ? [] : [{ ...message, content }];
  });
}

function partFor(part: SdkPart, reader: Issuer): SdkPart[] {
  const { providerOptions, ...plain } = part as SdkPart & { readonly providerOptions?: SdkMetadata };
  if (providerOptions === undefined) return [part];
  const { pointsman: mark, ...options } = providerOptions;
  const names = Object.keys(options);
  const isOwn = names.length === 0 || isReadBy(names, mark, reader);
  if (isOwn) return [{ ...plain, providerOptions: options } as SdkPart];
  if (part.type.startsWith('reasoning')) return [];
  // Without a mark, options may be the caller's own, of which each provider reads its part.
  return [(mark === undefined ? { ...plain, providerOptions: options } : plain) as SdkPart];
}

/** By the mark, else by the names under which providers keep their data: each is a part of their own name. */
function isReadBy(names: readonly string[], mark: SdkMetadata[string] | undefined, reader: Issuer): boolean {
  if (mark !== undefined && mark.provider !== reader.provider) return false;
  if (mark?.candidate === reader.candidate) return true;
  // A gateway names the provider within its model, such as `anthropic/claude-opus`.
  const known = squeezed(`${reader.provider} ${reader.modelId}`);
  return names.some((name) => known.includes(squeezed(name)));
}

function squeezed(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '');
}
