export { type RoutedModel, type RoutedModelOptions, routedModel } from './routed-model.ts';
export { createSdkClient, createSdkClients } from './sdk-client.ts';
export type { SdkCallOptions, SdkMessage, SdkModel, SdkPart } from './sdk-model.ts';
export type { SdkRequest } from './sdk-request.ts';
