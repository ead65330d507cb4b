import { InvalidInputError, MissingPackageError } from 'pointsman';
import type { createSdkClients } from 'pointsman/ai-sdk';
import type { ProviderName } from '../config/schema.ts';

/** A language model of the AI SDK. */
export type SdkModel = Parameters<typeof createSdkClients>[0][string];

/** What a provider package is told of an upstream. */
export interface ProviderSettings {
  readonly baseURL?: string;
  readonly apiKey?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, unknown>>;
  /** Which of its kinds of models is asked, such as `chat`. */
  readonly method?: string;
  readonly fetch: typeof fetch;
}

interface Package {
  readonly name: string;
  /** The newest major version that runs on Node 20; later ones do as well. */
  readonly version: string;
  readonly create: string;
}

/** Providers with a name of their own; any other is the name of its package. */
const PACKAGES: Readonly<Record<ProviderName, Package>> = {
  openai: { name: '@ai-sdk/openai', version: '3', create: 'createOpenAI' },
  'openai-compatible': {
    name: '@ai-sdk/openai-compatible',
    version: '2',
    create: 'createOpenAICompatible',
  },
  azure: { name: '@ai-sdk/azure', version: '3', create: 'createAzure' },
  anthropic: { name: '@ai-sdk/anthropic', version: '3', create: 'createAnthropic' },
  google: { name: '@ai-sdk/google', version: '3', create: 'createGoogleGenerativeAI' },
  bedrock: { name: '@ai-sdk/amazon-bedrock', version: '4', create: 'createAmazonBedrock' },
};

/** What every compatible upstream is called in the options of its provider. */
export const COMPATIBLE = 'compatible';

type Provider = ((model: string) => unknown) & Readonly<Record<string, (model: string) => unknown>>;

/**
 * Loads the package of a provider.
 *
 * @param upstream its name, for messages.
 * @returns what makes a model of its name.
 * @throws MissingPackageError where the package is not installed; InvalidInputError where it is no provider, or refuses its settings.
 */
export async function openProvider(
  provider: string,
  upstream: string,
  settings: ProviderSettings,
): Promise<(model: string) => SdkModel> {
  const known = Object.hasOwn(PACKAGES, provider) ? PACKAGES[provider as ProviderName] : undefined;
  const field = `upstreams.${upstream}`;
  const { apiKey, baseURL, fetch, headers, method, options } = settings;
  const create = factoryOf(await load(provider, known, upstream), known?.create, provider, field);
  let made: Provider;
  try {
    made = create({
      ...(provider === 'openai-compatible'
        ? { name: COMPATIBLE, includeUsage: true, supportsStructuredOutputs: true }
        : {}),
      ...(baseURL === undefined ? {} : { baseURL }),
      ...(apiKey === undefined ? {} : { apiKey }),
      headers,
      fetch,
      ...options,
    }) as Provider;
  } catch (cause) {
    throw refused(field, provider, (cause as Error).message);
  }
  return (model) => {
    const ask = method === undefined ? made : made[method];
    if (typeof ask !== 'function')
      throw new InvalidInputError(
        `\`${field}.method\`: the provider ${provider} has no ${method}. Leave it out, or look into the documentation of the provider.`,
      );
    let found: unknown;
    try {
      found = method === undefined ? made(model) : made[method](model);
    } catch (cause) {
      throw refused(field, provider, (cause as Error).message);
    }
    const { doStream, specificationVersion } = (found ?? {}) as Partial<SdkModel>;
    if (typeof doStream === 'function' && /^v[34]$/.test(specificationVersion ?? ''))
      return found as SdkModel;
    throw new InvalidInputError(
      `\`${field}.provider\` must give language models of the specification v3 or v4. Got ${specificationVersion ?? 'none'} of ${provider}. Install another version of the package.`,
    );
  };
}

function refused(field: string, provider: string, said: string): InvalidInputError {
  return new InvalidInputError(`\`${field}\`: the provider ${provider} refuses its settings: ${said}`);
}

async function load(provider: string, known: Package | undefined, upstream: string): Promise<object> {
  const name = known?.name ?? provider;
  try {
    return await import(name);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const isMissing = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
    if (isMissing || /Cannot find (package|module)|Failed to load url/.test(message))
      throw new MissingPackageError(
        known === undefined ? name : `${name}@${known.version}`,
        `The upstream "${upstream}"`,
        { cause },
      );
    throw cause;
  }
}

/** By its name; of a package that nobody here knows, the only one that is there. */
function factoryOf(
  module: object,
  name: string | undefined,
  provider: string,
  field: string,
): (settings: object) => unknown {
  const exported = Object.entries(module).filter(([, value]) => typeof value === 'function');
  const named = exported.find(([key]) => key === name);
  const makers = exported.filter(([key]) => /^create[A-Z]/.test(key));
  // Some export one factory under two names.
  const [found, ...others] = named === undefined ? new Set(makers.map(([, value]) => value)) : [named[1]];
  if (found !== undefined && others.length === 0) return found;
  throw new InvalidInputError(
    `\`${field}.provider\` must be a provider package of the AI SDK, with one function such as \`createMistral\`. Got ${provider}, which has ${makers.length === 0 ? 'none' : makers.map(([key]) => key).join(', ')}.`,
  );
}
