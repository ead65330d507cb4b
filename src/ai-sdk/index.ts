export { createSdkClient, createSdkClients, type RoutedModelOptions, routedModel } from './routed-model.ts';
