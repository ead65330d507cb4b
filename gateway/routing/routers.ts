import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { PolicySpec, Router, RouterOptions } from 'pointsman';
import type { DecisionLog } from 'pointsman/log';
import { loadRouter } from 'pointsman/node';
import type { Notes, Versions } from '../canary/version-standing.ts';
import { openVersions } from '../canary/versions.ts';
import { AUTO, type CheckedConfig, ROUTER_PREFIX } from '../config/schema.ts';
import { Problem } from '../problem.ts';

/** The routers of a gateway, by name. */
export interface Routers {
  readonly names: readonly string[];
  /** Of `model: auto`; undefined where there is none. */
  readonly defaultName: string | undefined;
  /** The version in use; while a new one is on trial, the one before. */
  get(name: string): Router | undefined;
  /** Of an artifact that was asked: the id of its embedder. */
  embedderOf(artifactId: string): string | null;
  /** Of a router whose new versions are tried on a share of the traffic; undefined for others. */
  versions(name: string): Versions | undefined;
  /**
   * What a request asks for by its `model`.
   *
   * @param scope what a request that asks for something else is told of.
   * @param hinted the router that a hint names.
   * @param unit the conversation or user, which stays with one version; without, a version is drawn.
   * @throws Problem when there is no such router or candidate.
   */
  target(model: string, scope: TellableNames, hinted?: string, unit?: string): Target;
  close(): Promise<void>;
}

/** What a request that asks for what is not there is told of: what its key may use. */
interface TellableNames {
  /** Null for all. */
  readonly routers: readonly string[] | null;
  mayName(candidate: string): boolean;
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
  options: Pick<RouterOptions, 'load'> & { readonly log: DecisionLog; readonly uncertainty?: boolean },
  events: RouterEvents,
  notes: Notes,
): Promise<Routers> {
  const tried = new Map<string, Versions>();
  const entries = await Promise.all(
    Object.entries(config.routers).map(async ([name, { canary, folder, policy, watch }]) => {
      const own = {
        ...options,
        ...(policy === undefined ? {} : { policy: policy as unknown as PolicySpec }),
      };
      const told = {
        onSwap: (id: string) => events.onSwap?.(name, id),
        onError: (error: unknown) => events.onError?.(name, error),
      };
      if (canary !== undefined) {
        const load = (version: string) => loadRouter(version, own);
        const versions = await openVersions({ name, folder, rules: canary, notes, load, ...told });
        tried.set(name, versions);
        return [name, versions] as const;
      }
      const watched = watch ?? !(await isOneVersion(folder));
      const router = await loadRouter(folder, {
        ...own,
        watch: watched && { onError: told.onError, onSwap: ({ id }) => told.onSwap(id) },
      });
      return [name, alwaysOne(router)] as const;
    }),
  );
  const routers = new Map<string, Pick<Versions, 'champion' | 'close' | 'pick'>>(entries);
  const defaultName = config.defaultRouter ?? entries[0]?.[0];
  /** Of every version that was asked, those on trial too: a few hundred in years. */
  const embedders = new Map<string, string>();
  const unknown = (what: string, scope: TellableNames): Problem =>
    unknownModel(
      what,
      [...routers.keys()].filter((name) => scope.routers?.includes(name) ?? true),
      Object.keys(config.candidates).filter((name) => scope.mayName(name)),
    );
  const named = (name: string, scope: TellableNames, unit: string = crypto.randomUUID()): Target => {
    const found = routers.get(name);
    if (found !== undefined) {
      const router = found.pick(unit);
      embedders.set(router.manifest.id, router.manifest.embedder.id);
      return { kind: 'router', name, router };
    }
    throw unknown(`The router "${name.slice(0, 200)}" is not known.`, scope);
  };
  return {
    names: [...routers.keys()],
    defaultName,
    get: (name) => routers.get(name)?.champion,
    versions: (name) => tried.get(name),
    embedderOf: (artifactId) => embedders.get(artifactId) ?? null,
    target(model, scope, hinted, unit) {
      if (model.startsWith(ROUTER_PREFIX)) return named(model.slice(ROUTER_PREFIX.length), scope, unit);
      if (model !== AUTO && Object.hasOwn(config.candidates, model))
        return { kind: 'candidate', name: model };
      if (model !== AUTO) throw unknown(`The model "${model.slice(0, 200)}" is not known.`, scope);
      const name = hinted ?? defaultName;
      if (name !== undefined) return named(name, scope, unit);
      throw unknown('`model` is "auto", and this gateway has no router.', scope);
    },
    async close() {
      for (const router of routers.values()) await router.close();
    },
  };
}

/** What of a configuration cannot be called as it is: each a sentence for whoever wrote it. Of a gateway that only decides, nothing. */
export function unmatchedNames(
  { candidates }: CheckedConfig,
  routers: Pick<Routers, 'get' | 'names'>,
): readonly string[] {
  const configured = Object.keys(candidates);
  if (configured.length === 0) return [];
  const known = routers.names.map((name) => ({ name, candidates: candidatesOf(routers.get(name)) }));
  const unmatched = known
    .filter((router) => !router.candidates.some((name) => configured.includes(name)))
    .map(
      (router) =>
        `The router "${router.name}" has no candidate with an upstream: it knows ${listed(router.candidates)}, and \`candidates\` of the configuration are ${listed(configured)}. Give them the same names.`,
    );
  const all = new Set(known.flatMap((router) => router.candidates));
  const unknown = configured.filter((name) => !all.has(name));
  if (unknown.length === 0 || known.length === 0) return unmatched;
  return [
    ...unmatched,
    `No router knows ${listed(unknown)} of \`candidates\`, so requests must name them to reach them.`,
  ];
}

const candidatesOf = (router: Router | undefined): readonly string[] =>
  router?.manifest.candidates.map(({ name }) => name) ?? [];

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 20).join(', ');
  return names.length > 20 ? `${shown} and ${names.length - 20} more` : shown;
}

/** A router of which all of the traffic goes to one version. */
function alwaysOne(champion: Router): Pick<Versions, 'champion' | 'close' | 'pick'> {
  return { champion, pick: () => champion, close: () => champion.close() };
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
  const advice =
    known.length === 0
      ? 'There is none that may be asked for.'
      : `Ask for one of: ${known.slice(0, 50).join(', ')}.`;
  return new Problem(404, 'model_not_found', `${what} ${advice}`, { param: 'model' });
}
