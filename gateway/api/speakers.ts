import type { CheckedConfig, ProtocolName } from '../config/schema.ts';
import { mayKnow, type Scope } from '../keys/guard.ts';
import { Problem } from '../problem.ts';
import type { Target } from '../routing/routers.ts';
import type { GatewayRequest } from '../upstreams/clients.ts';

/** Who answers requests of a protocol. */
export interface Speakers {
  /** Candidates whose upstream speaks it. */
  readonly spoken: readonly string[];
  /** Those for whom it is translated. */
  readonly translated: readonly string[];
}

/** Of each protocol, by the upstreams of the configuration. */
export function speakersOf({
  candidates,
  upstreams,
}: CheckedConfig): Readonly<Record<ProtocolName, Speakers>> {
  const names = Object.keys(candidates);
  const speakers = (protocol: ProtocolName): Speakers => {
    const spoken = names.filter((name) => upstreams[candidates[name].upstream].protocol.includes(protocol));
    const translated = names.filter(
      (name) => !spoken.includes(name) && upstreams[candidates[name].upstream].provider !== undefined,
    );
    return { spoken, translated };
  };
  return {
    'openai-chat': speakers('openai-chat'),
    anthropic: speakers('anthropic'),
    'openai-responses': speakers('openai-responses'),
  };
}

/** What of a gateway says who may answer a request. */
export interface SpeakingParts {
  readonly config: CheckedConfig;
  readonly speakers: Readonly<Record<ProtocolName, Speakers>>;
  /** @throws Problem naming what of a request cannot be translated. */
  readonly checkTranslation: (request: GatewayRequest) => void;
}

/**
 * Candidates who may answer what a request came in: whose upstream speaks it, and for whom it can be translated.
 *
 * @returns null where all of them may.
 * @throws Problem when none does that the request may mean.
 */
export function speakersFor(
  { checkTranslation, config: { candidates }, speakers }: SpeakingParts,
  request: GatewayRequest,
  target: Target,
  scope: Scope,
): readonly string[] | null {
  const { protocol = 'openai-chat' } = request;
  const { spoken, translated } = speakers[protocol];
  const meant =
    target.kind === 'candidate' ? [target.name] : target.router.manifest.candidates.map(({ name }) => name);
  let refusal: unknown;
  let callable = spoken;
  if (meant.some((name) => translated.includes(name))) {
    try {
      checkTranslation(request);
      callable = [...spoken, ...translated];
    } catch (error) {
      refusal = error;
    }
  }
  if (callable.length === Object.keys(candidates).length) return null;
  // Without upstreams nothing is called in any protocol; the execution says so.
  const isCalled = meant.some((name) => Object.hasOwn(candidates, name));
  if (!isCalled || meant.some((name) => callable.includes(name))) return callable;
  if (refusal !== undefined) throw refusal;
  throw notSpoken(
    protocol,
    target,
    callable.filter((name) => scope.mayName(name)),
  );
}

/** @throws Problem when whom a request means cannot be called, whatever it says: that is for the operator to mend. */
export function checkUpstreams(
  { config: { candidates } }: Pick<SpeakingParts, 'config'>,
  target: Target,
  scope: Scope,
): void {
  if (target.kind === 'candidate') return;
  const known = target.router.manifest.candidates.map(({ name }) => name);
  if (known.some((name) => Object.hasOwn(candidates, name))) return;
  const told = known.filter((name) => mayKnow(scope, name)).slice(0, 20);
  throw new Problem(
    503,
    'no_upstream',
    `The gateway's configuration has no upstream for any candidate of the router "${target.name}" (${told.join(', ')}). Its operator must give them in \`candidates\`, under these names.`,
    { param: 'model' },
  );
}

function notSpoken(protocol: ProtocolName, target: Target, speakers: readonly string[]): Problem {
  const who =
    target.kind === 'candidate' ? `"${target.name}"` : `No candidate of the router "${target.name}"`;
  const does = target.kind === 'candidate' ? 'does not speak' : 'speaks';
  const known =
    speakers.length === 0
      ? 'None that it may use does'
      : `Those that do: ${speakers.slice(0, 50).join(', ')}`;
  return new Problem(
    400,
    'protocol_not_spoken',
    `${who} ${does} ${protocol}, which this request came in. ${known}. Send the request to the route of another protocol, or set \`protocol\` or \`provider\` of an upstream.`,
    { param: 'model' },
  );
}
