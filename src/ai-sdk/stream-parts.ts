import type { RoutedResult } from '../execution/execute.ts';
import type { RoutedStream } from '../execution/execute-stream.ts';
import { partsOfResult } from './parts-of-result.ts';
import { sdkResult } from './sdk-answer.ts';
import type { SdkMetadata, SdkStreamPart } from './sdk-model.ts';

type Tell = (metadata: SdkMetadata | undefined, routed: RoutedResult) => SdkMetadata;

/**
 * An execution's stream as the parts that the SDK reads. A stream that breaks errors: an error part would let the SDK
 * go on to a finish, and to a text that looks whole.
 *
 * @param tell what the finish says of the routing.
 */
export function streamParts(stream: RoutedStream, tell: Tell): ReadableStream<SdkStreamPart> {
  const parts = readParts(stream, tell);
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await parts.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await parts.return(undefined);
    },
  });
}

async function* readParts(stream: RoutedStream, tell: Tell): AsyncGenerator<SdkStreamPart, undefined> {
  let finish: SdkStreamPart | undefined;
  for await (const chunk of stream) {
    const part = chunk.raw as SdkStreamPart | undefined;
    if (part !== undefined && chunk.finish === undefined) yield part;
    else finish = part;
  }
  const routed = { ...(await stream.result), decision: stream.decision };
  // Chunks without a part are of an answer that came whole.
  const rest = finish === undefined ? partsOfResult(sdkResult(routed.answer)) : [finish];
  for (const part of rest) {
    yield part.type === 'finish' ? { ...part, providerMetadata: tell(part.providerMetadata, routed) } : part;
  }
  return undefined;
}
