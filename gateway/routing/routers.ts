import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { PolicySpec, Router, RouterOptions } from 'pointsman';
import type { DecisionLog } from 'pointsman/log';
import { loadRouter } from 'pointsman/node';
import { AUTO, type CheckedConfig, ROUTER_PREFIX } from '../config/schema.ts';
import { Problem } from '../problem.ts';

/** The routers of a gateway, by name. */
export interface Routers {
  readonly names: readonly string[];
  /** Of `model: auto`; undefined where there is none. */
  readonly defaultName: string | undefined;
  get(name: string): Router | undefined;
  /**
   * What a request asks for by its `model`.
   *
   * @param hinted the router that a hint names.
   * @throws Problem when there is no such router or candidate.
   */
  target(model: string, hinted?: string): Target;
  close(): Promise<void>;
}

export type Target =
  | { readonly kind: 'router'; readonly name: string; readonly router: Router }
  | { readonly kind: 'candidate'; readonly name: string };

/** Told of what happens to routers while they are in use. */
export interface RouterEvents {
  readonly onSwap?: (router: string, artifactId: string) => void;
  readonly onError?: (router: string, error: unknown) => void;
}

/**
 * Loads every router of the configuration.
 *
 * @throws ArtifactError or InvalidInputError, as `loadRouter` does.
 */
export async function openRouters(
  config: CheckedConfig,
  options: Pick<RouterOptions, 'load'> & { readonly log: DecisionLog },
  events: RouterEvents,
): Promise<Routers> {
  const entries = await Promise.all(
    Object.entries(config.routers).map(async ([name, { folder, policy, watch }]) => {
      const watched = watch ?? !(await isOneVersion(folder));
      const router = await loadRouter(folder, {
        ...options,
        ...(policy === undefined ? {} : { policy: policy as unknown as PolicySpec }),
        watch: watched && {
          onSwap: ({ id }) => events.onSwap?.(name, id),
          onError: (error) => events.onError?.(name, error),
        },
      });
      return [name, router] as const;
    }),
  );
  const routers = new Map(entries);
  const candidates = Object.keys(config.candidates);
  const defaultName = config.defaultRouter ?? entries[0]?.[0];
  const named = (name: string): Target => {
    const router = routers.get(name);
    if (router !== undefined) return { kind: 'router', name, router };
    throw unknownModel(`The router "${name}" is not known.`, [...routers.keys()], candidates);
  };
  return {
    names: [...routers.keys()],
    defaultName,
    get: (name) => routers.get(name),
    target(model, hinted) {
      if (model.startsWith(ROUTER_PREFIX)) return named(model.slice(ROUTER_PREFIX.length));
      if (model !== AUTO && Object.hasOwn(config.candidates, model))
        return { kind: 'candidate', name: model };
      if (model !== AUTO)
        throw unknownModel(
          `The model "${model.slice(0, 200)}" is not known.`,
          [...routers.keys()],
          candidates,
        );
      const name = hinted ?? defaultName;
      if (name !== undefined) return named(name);
      throw unknownModel('`model` is "auto", and this gateway has no router.', [], candidates);
    },
    async close() {
      for (const router of routers.values()) await router.close();
    },
  };
}

async function isOneVersion(folder: string): Promise<boolean> {
  return access(join(folder, 'manifest.json')).then(
    () => true,
    () => false,
  );
}

function unknownModel(what: string, routers: readonly string[], candidates: readonly string[]): Problem {
  const known = [
    ...(routers.length > 0 ? [AUTO] : []),
    ...routers.map((name) => ROUTER_PREFIX + name),
    ...candidates,
  ];
  return new Problem(404, 'model_not_found', `${what} Ask for one of: ${known.slice(0, 50).join(', ')}.`, {
    param: 'model',
  });
}
