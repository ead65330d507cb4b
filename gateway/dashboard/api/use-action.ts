import { useState } from 'preact/hooks';
import { ApiError } from './client.ts';

/** Something that is done when somebody asks for it. */
export interface Action<Argument> {
  readonly run: (argument: Argument) => Promise<void>;
  readonly isBusy: boolean;
  /** Why it could not be done; null when it could. */
  readonly error: string | null;
}

/** @param work what is done; one at a time */
export function useAction<Argument = void>(work: (argument: Argument) => Promise<void>): Action<Argument> {
  const [state, setState] = useState<{ readonly isBusy: boolean; readonly error: string | null }>({
    isBusy: false,
    error: null,
  });
  return {
    ...state,
    async run(argument) {
      if (state.isBusy) return;
      setState({ isBusy: true, error: null });
      try {
        await work(argument);
        setState({ isBusy: false, error: null });
      } catch (error) {
        const message =
          error instanceof ApiError ? error.message : `The page made a mistake: ${String(error)}`;
        setState({ isBusy: false, error: message });
      }
    },
  };
}
