/** An endpoint that answers by the rule of the tests: a vector of a text's length and first character, backwards. */
export function fakeEmbeddingsEndpoint(refusals: Response[] = []) {
  const requests: { url: string; headers: Record<string, string>; body: Record<string, unknown> }[] = [];
  const send = async (url: string, init: RequestInit): Promise<Response> => {
    const body = JSON.parse(init.body as string);
    requests.push({ url, headers: init.headers as Record<string, string>, body });
    const refusal = refusals.shift();
    if (refusal !== undefined) return refusal;
    const data = (body.input as string[]).map((text, index) => ({
      index,
      embedding: [text.length, text.codePointAt(0), 1],
    }));
    return Response.json({ data: data.reverse() });
  };
  return { requests, send };
}
