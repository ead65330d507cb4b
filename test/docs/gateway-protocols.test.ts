import { describe, expect, it } from 'vitest';
import { PROTOCOLS } from '../../gateway/create-gateway.ts';
import { Problem } from '../../gateway/problem.ts';
import { readCall } from '../../gateway/translation/call.ts';
import { READERS } from '../../gateway/translation/open-translation.ts';
import {
  answer,
  compare,
  type Declared,
  type Fields,
  facts,
  pieces,
  SHAPES,
  typesIn,
} from '../gateway/protocols/sdk-shapes.ts';

const PARAMETERS: Readonly<Record<Declared, string>> = {
  'openai-chat': 'ChatCompletionCreateParamsBase',
  anthropic: 'MessageCreateParamsBase',
  'openai-responses': 'ResponseCreateParamsBase',
};
const KINDS = {
  carried: 'carried',
  named: 'not carried, and named in `x-pointsman-not-carried`',
  refused: 'refused',
} as const;

const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

function fieldsTable(protocol: Declared): string {
  const { optional, required } = SHAPES[protocol].get(PARAMETERS[protocol])!;
  const { fields } = READERS[protocol];
  const rows = [...required, ...optional].sort().map((field) => {
    const { kind, words } = fields[field];
    return [`\`${field}\``, KINDS[kind], words];
  });
  return table(['field', 'translated', 'to what, or why not'], rows);
}

/** A part of each type, in a request that holds nothing else; and whether it is one that nobody else knows. */
const PARTS: Readonly<Record<Declared, readonly (readonly [string, string, (type: string) => Fields])[]>> = {
  'openai-chat': [
    ['messages', 'ChatCompletionMessageParam', (role) => ({ messages: [{ role, content: 'a' }] })],
    [
      'parts of a message',
      'ChatCompletionContentPart',
      (type) => ({ messages: [{ role: 'user', content: [{ type }] }] }),
    ],
    ['tools', 'ChatCompletionTool', (type) => ({ messages: [], tools: [{ type, function: { name: 'a' } }] })],
  ],
  anthropic: [
    [
      'blocks of a message',
      'ContentBlockParam',
      (type) => ({ messages: [{ role: USER_BLOCKS.has(type) ? 'user' : 'assistant', content: [{ type }] }] }),
    ],
    ['tools', 'ToolUnion', (type) => ({ messages: [], tools: [{ type, name: 'a' }] })],
  ],
  'openai-responses': [
    [
      'items of the input',
      'ResponseInputItem',
      (type) => ({ input: [{ type, role: 'user', content: 'a' }] }),
    ],
    [
      'parts of a message',
      'ResponseInputContent',
      (type) => ({ input: [{ role: 'user', content: [{ type }] }] }),
    ],
    ['tools', 'Tool', (type) => ({ input: 'a', tools: [{ type, name: 'a' }] })],
  ],
};
const USER_BLOCKS = new Set(['text', 'image', 'document', 'search_result', 'tool_result']);

function isRefused(protocol: Declared, body: Fields): boolean {
  try {
    readCall(READERS[protocol], body);
    return false;
  } catch (error) {
    // What is known and wrongly filled is known.
    expect(error).toBeInstanceOf(Problem);
    return (error as Problem).code === 'not_translatable';
  }
}

function partsTable(protocol: Declared): string {
  const rows = PARTS[protocol].map(([what, union, bodyOf]) => {
    const types = [...new Set(typesIn(protocol, union))];
    const refused = types.filter((type) => isRefused(protocol, bodyOf(type)));
    const shown = (list: readonly string[]) => list.map((type) => `\`${type}\``).join(', ') || 'none';
    return [what, shown(types.filter((type) => !refused.includes(type))), shown(refused)];
  });
  return table(['', 'carried', 'refused'], rows);
}

function writtenTable(protocol: (typeof PROTOCOLS)[number]): string {
  const writer = protocol.writer({ stream_options: { include_usage: true } });
  const whole = JSON.parse(writer.whole(answer, facts));
  const events = eventsOf(protocol).filter(({ type }) => type !== '[DONE]');
  const seen = new Map<string, Set<string>>();
  for (const compared of [
    compare(protocol.name, 'body', whole),
    ...events.map((said) => compare(protocol.name, 'event', said)),
  ])
    for (const [name, fields] of compared.seen)
      seen.set(name, new Set([...(seen.get(name) ?? []), ...fields]));
  const rows = [...seen].map(([name, fields]) => {
    const { optional, required } = SHAPES[protocol.name].get(name)!;
    const declared = [...required, ...optional];
    const list = (found: readonly string[]) => found.map((field) => `\`${field}\``).join(', ') || '';
    return [
      `\`${name}\``,
      list(declared.filter((field) => fields.has(field))),
      list(declared.filter((field) => !fields.has(field))),
      list([...fields].filter((field) => !declared.includes(field))),
    ];
  });
  return table(['object', 'written', 'declared and not written', 'beside'], rows);
}

function eventsOf(protocol: (typeof PROTOCOLS)[number]): Fields[] {
  const writer = protocol.writer({ stream_options: { include_usage: true } });
  const sent = pieces.map((piece) => writer.piece(piece, facts)).join('') + writer.end();
  return sent
    .trimEnd()
    .split('\n\n')
    .map((lines) => {
      const data = /^data: (.*)$/m.exec(lines)![1];
      return data === '[DONE]' ? { type: data } : JSON.parse(data);
    });
}

function sectionOf(protocol: (typeof PROTOCOLS)[number]): string {
  const { name, route } = protocol;
  const order = eventsOf(protocol).map(({ object, type }) => `\`${type ?? object}\``);
  const errors = [400, 401, 402, 403, 404, 413, 429, 502, 503, 504].map((status) => {
    const written = protocol.problem(new Problem(status, 'a_code', 'No.')) as Fields;
    return [String(status), `\`${(written.error as Fields).type}\``];
  });
  return `## \`POST ${route}\`: \`${name}\`
### Fields of a request
${fieldsTable(name)}

### What a request consists of
${partsTable(name)}

### Objects of an answer
${writtenTable(protocol)}

### Events, in their order
Of an answer with thoughts, a text and a call, in one piece each: ${order.join(', ')}.

### Errors
${JSON.stringify(protocol.problem(new Problem(400, 'invalid_request', 'What is wrong.', { param: 'model' })))
  .replace(/^/, '```json\n')
  .replace(/$/, '\n```')}

${table(['status', '`type`'], errors)}
`;
}

const page = () => `# What each protocol carries

This page is for whoever wants to know what becomes of a field. It is written by a test out of the types of the official SDKs and of what the gateway does; a
field of theirs that it does not know of fails the test. How upstreams are set up is in [the gateway's page](gateway.md).

Where an upstream speaks the protocol of a request, every field goes there as it is, known or not, and its bytes come back: what follows is
of requests that are translated, and of answers that the gateway writes itself. Of those, a field that no protocol knows goes on to
upstreams of \`openai-compatible\`; for others it is named in \`x-pointsman-not-carried\`, as is what the provider package has no word for. A request with anything that is
refused is answered by candidates whose upstream speaks its protocol, or with the error \`not_translatable\`.

${PROTOCOLS.map(sectionOf).join('\n')}`;

describe('docs/gateway-protocols.md', () => {
  // After a change that is meant: npx vitest run test/docs/gateway-protocols.test.ts --update, and look at the difference.
  it('is what the SDKs declare and the gateway does', async () => {
    await expect(page()).toMatchFileSnapshot('../../docs/gateway-protocols.md');
  });

  it.each(Object.keys(PARAMETERS) as Declared[])('every field of a request is known (%s)', (protocol) => {
    const { optional, required } = SHAPES[protocol].get(PARAMETERS[protocol])!;
    const unknown = [...required, ...optional].filter((field) => !(field in READERS[protocol].fields));
    expect(unknown).toEqual([]);
  });
});
