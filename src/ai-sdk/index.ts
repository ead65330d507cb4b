/**
 * A router as a language model of the AI SDK (`ai` 6 and 7) and as a decision model (`ai` 7), and its models as clients.
 */
export { decisionModel } from './decision-model.ts';
export { createSdkClients, type RoutedModelOptions, routedModel } from './routed-model.ts';
