import { AUTO, ROUTER_PREFIX } from '../config/schema.ts';
import { Problem } from '../problem.ts';
import { admit, type GatewayParts } from './parts.ts';

/** `GET /v1/models`: what `model` of a request may be, as far as its key may use it, in the shape of whose SDK asks. */
export async function listModels(parts: GatewayParts, request: Request): Promise<Response> {
  const data = await modelsOf(parts, request);
  const ends = { has_more: false, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
  return Response.json(isOfAnthropic(request) ? { data, ...ends } : { object: 'list', data });
}

/** Its API is asked for by a version, in every request. */
function isOfAnthropic({ headers }: Request): boolean {
  return headers.has('anthropic-version');
}

/** `GET /v1/models/:id`: one of them. */
export async function readModel(parts: GatewayParts, request: Request, id: string): Promise<Response> {
  const model = (await modelsOf(parts, request)).find((each) => each.id === id);
  if (model !== undefined) return Response.json(model);
  throw new Problem(
    404,
    'model_not_found',
    `There is no model "${id.slice(0, 200)}" here. See GET /v1/models.`,
  );
}

async function modelsOf(parts: GatewayParts, request: Request) {
  const grant = await admit(parts, request, 'read', null);
  const { config, routers } = parts;
  const mayAsk = (router: string) => grant.routers?.includes(router) ?? true;
  const hasAuto = routers.defaultName !== undefined && mayAsk(routers.defaultName);
  const model = (id: string, owner: string) =>
    isOfAnthropic(request)
      ? { id, type: 'model', display_name: id, created_at: '1970-01-01T00:00:00Z' }
      : { id, object: 'model', created: 0, owned_by: owner };
  return [
    ...(hasAuto ? [model(AUTO, 'pointsman')] : []),
    ...routers.names.filter(mayAsk).map((name) => model(ROUTER_PREFIX + name, 'pointsman')),
    ...Object.entries({ ...config.candidates, ...config.embeddings })
      .filter(([name]) => grant.mayName(name))
      .map(([name, { upstream }]) => model(name, upstream)),
  ];
}
