/**
 * A router as a language model of the AI SDK (`ai` 6 and 7), and its models as clients.
 */
export { createSdkClient, createSdkClients, type RoutedModelOptions, routedModel } from './routed-model.ts';
