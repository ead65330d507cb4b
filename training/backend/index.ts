export { type Backend, type TensorFlow, useBackend } from './use-backend.ts';
