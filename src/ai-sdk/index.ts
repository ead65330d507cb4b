export { type RoutedModel, type RoutedModelOptions, routedModel } from './routed-model.ts';
export { createSdkClient, createSdkClients } from './sdk-client.ts';
export type { SdkCallOptions, SdkMessage, SdkModel, SdkPart, SdkRequest } from './sdk-model.ts';
