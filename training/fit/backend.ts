import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** TF.js's namespace. */
export type TensorFlow = typeof import('@tensorflow/tfjs');

/** TF.js, ready to compute. */
export interface Backend {
  readonly tf: TensorFlow;
  /** `tensorflow` is native, through @tensorflow/tfjs-node; `wasm` installs anywhere. */
  readonly name: 'tensorflow' | 'wasm';
}

let ready: Promise<Backend> | undefined;

/**
 * Loads TF.js once a process: on @tensorflow/tfjs-node where that is installed, else on the WASM backend with SIMD.
 * One thread: TF.js cannot start its WASM threads in Node (tensorflow/tfjs issue 3830). Results are the same from
 * run to run on one backend; between backends they differ in the last bits.
 */
export function useBackend(): Promise<Backend> {
  ready ??= nativeBackend().then((native) => native ?? wasmBackend());
  return ready;
}

async function nativeBackend(): Promise<Backend | null> {
  // Not a literal: the package is optional, and types must not need it.
  const name = '@tensorflow/tfjs-node';
  const require = createRequire(import.meta.url);
  try {
    require.resolve(name);
  } catch {
    return null;
  }
  try {
    const tf = asNamespace(await import(name));
    await quietly(tf, 'tensorflow');
    return { tf, name: 'tensorflow' };
  } catch {
    // Installed, but its native part was not built for this machine. `name` tells which backend it came to be.
    return null;
  }
}

async function wasmBackend(): Promise<Backend> {
  const tf = asNamespace(await import('@tensorflow/tfjs'));
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
  const manifest = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm/package.json');
  setWasmPaths(join(dirname(manifest), 'wasm-out/'));
  await quietly(tf, 'wasm');
  return { tf, name: 'wasm' };
}

/** Production mode is TF.js's own switch for its advice on the console and for its slow checks. */
async function quietly(tf: TensorFlow, name: string): Promise<void> {
  tf.enableProdMode();
  await tf.setBackend(name);
  await tf.ready();
}

/** TF.js is CommonJS: depending on the loader its names come directly or under `default`. */
function asNamespace(loaded: TensorFlow & { readonly default?: TensorFlow }): TensorFlow {
  return loaded.default ?? loaded;
}
