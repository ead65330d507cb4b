import { webSha256 } from '../artifact/sha256.ts';
import { InvalidInputError } from '../errors/invalid-input-error.ts';
import type { DecisionLogOptions, LogSettings } from './decision-log-options.ts';
import { systemLogClock } from './log-clock.ts';
import type { LogSink, WriteRecords } from './log-sink.ts';

/** @throws InvalidInputError when an option is out of its range. */
export function readLogSettings(options: DecisionLogOptions): LogSettings {
  const { content = 'prompt' } = options;
  if (content !== 'prompt' && content !== 'hash') throw wrong('content', '"prompt" or "hash"', content);
  const atLeast = (field: 'capacity' | 'batch' | 'retries', least: number, otherwise: number) => {
    const value = options[field] ?? otherwise;
    if (Number.isInteger(value) && value >= least) return value;
    throw wrong(field, `a whole number >= ${least}`, value);
  };
  const amount = (
    field: 'capacityCharacters' | 'flushMs' | 'retryDelayMs' | 'closeMs',
    otherwise: number,
  ) => {
    const value = options[field] ?? otherwise;
    if (value >= 0) return value;
    throw wrong(field, 'a number >= 0', value);
  };
  return {
    sink: readSink(options.sink),
    content,
    embedding: options.embedding ?? false,
    capacity: atLeast('capacity', 1, 10_000),
    capacityCharacters: amount('capacityCharacters', 2 ** 25),
    batch: atLeast('batch', 1, 256),
    flushMs: amount('flushMs', 1000),
    retries: atLeast('retries', 0, 3),
    retryDelayMs: amount('retryDelayMs', 200),
    closeMs: amount('closeMs', 10_000),
    onError: options.onError ?? (() => {}),
    sha256: options.sha256 ?? webSha256,
    newId: options.newId ?? (() => crypto.randomUUID()),
    clock: options.clock ?? systemLogClock,
  };
}

function readSink(sink: LogSink | WriteRecords): LogSink {
  if (typeof sink === 'function') return { write: async (records) => sink(records), close: async () => {} };
  if (typeof sink?.write === 'function' && typeof sink.close === 'function') return sink;
  throw wrong('sink', 'a function, or an object with `write` and `close`', sink);
}

function wrong(field: string, expected: string, got: unknown): InvalidInputError {
  const shown = typeof got === 'string' ? `"${got}"` : typeof got === 'number' ? got : typeof got;
  return new InvalidInputError(`\`${field}\` of decision log must be ${expected}. Got ${shown}.`);
}
