/**
 * A router as a language model of the AI SDK (`ai` 6 and 7), and its models as clients.
 */
export { type RoutedModelOptions, routedModel } from './routed-model.ts';
export { createSdkClient, createSdkClients } from './sdk-client.ts';
