import type { LanguageModelV3FilePart, LanguageModelV3Prompt } from '@ai-sdk/provider';
import { Problem } from '../problem.ts';
import type { Fields } from '../upstreams/wire.ts';
import type { SdkModel } from './providers.ts';

/** A prompt in the words of a model's specification: from v4 on, files say which kind of data they hold. */
export function asSpecification(version: string, prompt: LanguageModelV3Prompt): LanguageModelV3Prompt {
  if (version !== 'v4') return prompt;
  return prompt.map((message) =>
    typeof message.content === 'string'
      ? message
      : { ...message, content: message.content.map((part) => partV4(part as never)) },
  ) as unknown as LanguageModelV3Prompt;
}

function partV4(
  part: LanguageModelV3FilePart | { readonly type: string; readonly output?: Fields },
): unknown {
  if (part.type === 'file') {
    const { data } = part as LanguageModelV3FilePart;
    return { ...part, data: data instanceof URL ? { type: 'url', url: data } : { type: 'data', data } };
  }
  const { output } = part as { readonly output?: Fields };
  if (part.type !== 'tool-result' || output?.type !== 'content') return part;
  return { ...part, output: { ...output, value: (output.value as readonly Fields[]).map(outputPartV4) } };
}

function outputPartV4(part: Fields): Fields {
  const { data, mediaType = 'image/*', type, url } = part;
  if (type === 'image-url' || type === 'file-url')
    return { type: 'file', mediaType, data: { type: 'url', url: new URL(String(url)) } };
  return type === 'image-data' || type === 'file-data'
    ? { type: 'file', mediaType, data: { type: 'data', data } }
    : part;
}

/**
 * Files by address are for the provider to fetch: the gateway fetches nothing that a client names.
 *
 * @throws Problem for an address that the model does not take.
 */
export async function checkFiles(
  prompt: LanguageModelV3Prompt,
  { modelId, supportedUrls }: SdkModel,
): Promise<void> {
  const files = prompt.flatMap(({ content }) =>
    typeof content === 'string' ? [] : content.filter((part) => part.type === 'file'),
  );
  const named = files.filter(({ data }) => data instanceof URL);
  if (named.length === 0) return;
  const supported = Object.entries(await supportedUrls);
  for (const { data, mediaType } of named) {
    const isTaken = supported.some(
      ([kind, patterns]) =>
        isOfKind(mediaType, kind) && patterns.some((pattern) => pattern.test(String(data))),
    );
    if (isTaken) continue;
    throw new Problem(
      400,
      'not_translatable',
      `A file is named by an address, which ${modelId} does not fetch, and neither does the gateway. Send its bytes: data:${mediaType.replace('*', 'png')};base64,...`,
    );
  }
}

/** `image/png` is of the kinds `image/png`, `image/*`, `*` and `*\/*`. */
function isOfKind(mediaType: string, kind: string): boolean {
  if (kind === '*' || kind === '*/*' || kind === mediaType) return true;
  return kind.endsWith('/*') && mediaType.startsWith(kind.slice(0, -1));
}
