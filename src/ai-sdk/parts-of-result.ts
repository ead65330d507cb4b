import type { SdkContent, SdkResult, SdkStreamPart } from './sdk-model.ts';

/** A whole result as the parts of a stream, for answers that could not be given piece by piece. */
export function partsOfResult(result: SdkResult): SdkStreamPart[] {
  const { content, warnings, response, finishReason, usage, providerMetadata } = result;
  return [
    { type: 'stream-start', warnings },
    ...(response === undefined ? [] : [responseMetadata(response)]),
    ...content.flatMap((item, i) => partsOfContent(item, `pointsman-${i}`)),
    { type: 'finish', finishReason, usage, ...(providerMetadata === undefined ? {} : { providerMetadata }) },
  ];
}

function responseMetadata({ id, modelId, timestamp }: NonNullable<SdkResult['response']>): SdkStreamPart {
  return {
    type: 'response-metadata',
    ...(id === undefined ? {} : { id }),
    ...(modelId === undefined ? {} : { modelId }),
    ...(timestamp === undefined ? {} : { timestamp }),
  };
}

function partsOfContent(item: SdkContent, id: string): SdkStreamPart[] {
  if (item.type === 'text' || item.type === 'reasoning') {
    return [
      { type: `${item.type}-start`, id },
      { type: `${item.type}-delta`, id, delta: item.text ?? '' },
      { type: `${item.type}-end`, id },
    ];
  }
  if (item.type === 'tool-call') {
    const { toolCallId = '', toolName = '', input = '' } = item;
    return [
      { type: 'tool-input-start', id: toolCallId, toolName },
      { type: 'tool-input-delta', id: toolCallId, delta: input },
      { type: 'tool-input-end', id: toolCallId },
      { ...item },
    ];
  }
  return [{ ...item }];
}
