import { dirname, join } from 'node:path';
import {
  type ClassDeclaration,
  type InterfaceDeclaration,
  type JSDoc,
  type Node as MorphNode,
  Node,
  Project,
  type SourceFile,
  type TypeAliasDeclaration,
  ts,
} from 'ts-morph';
import { entrySources, publicSources } from './entry-sources.ts';

/** One public name of an entry. */
export interface PublicName {
  readonly name: string;
  readonly isType: boolean;
  /** Prose of its docstring; empty when it has none. */
  readonly prose: string;
  /** Parameters, what is returned, errors: `['@throws', 'ArtifactError when ...']`. */
  readonly tags: readonly (readonly [string, string])[];
  readonly example: string | undefined;
  /** TypeScript, without bodies. */
  readonly signature: string;
}

export interface PublicEntry {
  /** As it is imported: `pointsman/log`. */
  readonly specifier: string;
  readonly prose: string;
  readonly names: readonly PublicName[];
}

export interface PublicApi {
  readonly entries: readonly PublicEntry[];
  /** What their signatures mention and no entry exports. */
  readonly shapes: readonly PublicName[];
}

/** What the packages export, from the sources. */
export function publicApi(): PublicApi {
  const project = new Project({
    skipAddingFilesFromTsConfig: true,
    compilerOptions: {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      strict: true,
      exactOptionalPropertyTypes: true,
      allowImportingTsExtensions: true,
      noEmit: true,
      types: [],
      // No name is looked up in what TypeScript or other packages declare, whose files are many times those of the sources.
      noLib: true,
    },
    resolutionHost: () => ({
      resolveModuleNames: (names, from) => names.map((name) => sourceOf(name, from)),
    }),
  });
  // All of them first: the program is made again after a file is added.
  const entries = publicSources().map(({ specifier, path }) => ({
    specifier,
    file: project.addSourceFileAtPath(path),
  }));
  const seen = new Set<MorphNode>();
  const named = entries.map(({ specifier, file }) => {
    const declarations = [...file.getExportedDeclarations()].map(([name, [found]]) => [name, found] as const);
    for (const [, declaration] of declarations) seen.add(declaration);
    return { specifier, file, declarations };
  });
  const shapes = named
    .flatMap(({ declarations }) => declarations)
    .flatMap(([, declaration]) => mentioned(declaration))
    .filter((declaration) => !seen.has(declaration) && seen.add(declaration))
    .map((declaration) => [declaration.getName()!, declaration] as const);
  return {
    entries: named.map(({ specifier, file, declarations }) => ({
      specifier,
      prose: proseOfFile(file),
      names: inOrder(declarations),
    })),
    shapes: inOrder(shapes),
  };
}

const ENTRIES = new Map(entrySources().map(({ specifier, path }) => [specifier, path]));

/** All packages of this repository from their sources, and no others. */
function sourceOf(name: string, from: string): ts.ResolvedModuleFull | undefined {
  const resolvedFileName = name.startsWith('.') ? join(dirname(from), name) : ENTRIES.get(name);
  return resolvedFileName?.endsWith('.ts')
    ? { resolvedFileName, extension: ts.Extension.Ts, isExternalLibraryImport: false }
    : undefined;
}

type Shape = InterfaceDeclaration | TypeAliasDeclaration | ClassDeclaration;

/** Types of this project that a declaration is written with. */
function mentioned(declaration: MorphNode): Shape[] {
  const found: Shape[] = [];
  const visit = (node: MorphNode): void => {
    if (Node.isBlock(node) || Node.isJSDoc(node) || Node.isPrivateIdentifier(node)) return;
    const name = Node.isTypeReference(node)
      ? node.getTypeName()
      : Node.isExpressionWithTypeArguments(node)
        ? node.getExpression()
        : undefined;
    const symbol = name?.getSymbol();
    const [target] = (symbol?.getAliasedSymbol() ?? symbol)?.getDeclarations() ?? [];
    const isShape =
      Node.isInterfaceDeclaration(target) ||
      Node.isTypeAliasDeclaration(target) ||
      Node.isClassDeclaration(target);
    if (isShape && !/node_modules/.test(target.getSourceFile().getFilePath())) found.push(target);
    node.forEachChild(visit);
  };
  visit(declaration);
  return found;
}

function inOrder(declarations: readonly (readonly [string, MorphNode])[]): PublicName[] {
  return declarations
    .map(([name, declaration]) => publicName(name, declaration))
    .sort((a, b) => Number(a.isType) - Number(b.isType) || a.name.localeCompare(b.name, 'en'));
}

function proseOfFile(file: SourceFile): string {
  const comment = file.getStatementsWithComments()[0]?.getLeadingCommentRanges()[0]?.getText() ?? '';
  return comment.startsWith('/**')
    ? unwrapped(comment.replace(/^\/\*\*|\*\/$/g, '').replace(/^ *\* ?/gm, ''))
    : '';
}

function publicName(name: string, declaration: MorphNode): PublicName {
  const docs = docsOf(declaration);
  const doc = docs.at(-1);
  const tags = (doc?.getTags() ?? []).map((tag) => {
    const named = Node.isJSDocParameterTag(tag) ? `\`${tag.getName()}\` ` : '';
    return [tag.getTagName(), named + linked(tag.getCommentText() ?? '')] as const;
  });
  return {
    name,
    isType: Node.isInterfaceDeclaration(declaration) || Node.isTypeAliasDeclaration(declaration),
    prose: unwrapped(linked(doc?.getDescription() ?? '')),
    tags: tags.filter(([tag]) => tag !== 'example').map(([tag, text]) => [tag, unwrapped(text)]),
    example: doc
      ?.getTags()
      .find((tag) => tag.getTagName() === 'example')
      ?.getCommentText(),
    signature: signatureOf(name, declaration),
  };
}

function docsOf(declaration: MorphNode): JSDoc[] {
  const holder = Node.isVariableDeclaration(declaration) ? declaration.getVariableStatement() : declaration;
  return holder !== undefined && Node.isJSDocable(holder) ? holder.getJsDocs() : [];
}

function signatureOf(name: string, declaration: MorphNode): string {
  if (Node.isFunctionDeclaration(declaration)) {
    const all = declaration.getOverloads().length > 0 ? declaration.getOverloads() : [declaration];
    return all.map((one) => withoutBody(one)).join('\n');
  }
  if (Node.isVariableDeclaration(declaration))
    return `const ${name}: ${declaration.getTypeNode()?.getText() ?? typeText(declaration)};`;
  if (Node.isClassDeclaration(declaration)) return classText(declaration);
  if (Node.isTypeAliasDeclaration(declaration) && /Infer/.test(declaration.getTypeNode()?.getText() ?? ''))
    return `type ${name} = ${typeText(declaration)};`;
  return declaration
    .getText()
    .replace(/^export /, '')
    .replace(/^declare /, '');
}

function withoutBody(node: MorphNode & { getBody?: () => MorphNode | undefined }): string {
  const body = node.getBody?.();
  const text = node.getText();
  const from = node.getStart();
  const signature = body === undefined ? text : text.slice(0, body.getStart() - from);
  return `${signature
    .replace(/^export /, '')
    .trim()
    .replace(/;$/, '')};`;
}

function typeText(node: MorphNode): string {
  const flags =
    ts.TypeFormatFlags.NoTruncation |
    ts.TypeFormatFlags.InTypeAlias |
    ts.TypeFormatFlags.UseAliasDefinedOutsideCurrentScope;
  return node
    .getType()
    .getText(node, flags)
    .replace(/import\("[^"]*"\)\./g, '');
}

function classText(declaration: ClassDeclaration): string {
  const head = declaration
    .getText()
    .slice(0, declaration.getText().indexOf('{'))
    .replace(/^export /, '')
    .trim();
  const members = declaration
    .getMembers()
    .filter(
      (member) =>
        !/^#/.test('getName' in member ? (member.getName() ?? '') : '') &&
        !/\bprivate\b/.test(member.getText().split('\n')[0]),
    )
    .map((member) => {
      const doc = Node.isJSDocable(member) ? (member.getJsDocs().at(-1)?.getText() ?? '') : '';
      const text = withoutBody(member as MorphNode & { getBody?: () => MorphNode | undefined })
        .replace(doc, '')
        .trim();
      return [doc, text]
        .filter((line) => line !== '')
        .map((line) => `  ${line}`)
        .join('\n');
    });
  return members.length === 0 ? `${head} {}` : `${head} {\n${members.join('\n')}\n}`;
}

/** `{@link X}` as code. */
function linked(text: string): string {
  return text.replace(/\{@link (\w+)\}/g, '`$1`');
}

/** Lines of a docstring joined to paragraphs. */
function unwrapped(text: string): string {
  return text
    .replaceAll('\r', '')
    .trim()
    .split(/\n\s*\n/)
    .map((paragraph) => (/^\s*[-|`]/m.test(paragraph) ? paragraph : paragraph.replace(/\s*\n\s*/g, ' ')))
    .join('\n\n');
}

const LABELS: Readonly<Record<string, string>> = {
  param: 'Takes',
  returns: 'Gives',
  throws: 'Throws',
  default: 'Default',
};

/** The page that lists all of it, as Markdown. */
export function apiPage({ entries, shapes }: PublicApi): string {
  const count = entries.reduce((sum, { names }) => sum + names.length, 0);
  return `${[
    '# API',
    `Every public name of the packages, ${count} in all, by the entry that exports it; written by \`npm run docs:api\` from the ` +
      'docstrings. `pointsman/internal` is for this project alone: what is in it changes without notice.',
    ...entries.map(
      ({ specifier, names }) =>
        `- [\`${specifier}\`](#${anchor(specifier)}): ${names.map(({ name }) => `\`${name}\``).join(', ')}`,
    ),
    '- [Shapes](#shapes): types that these mention',
    ...entries.flatMap(({ specifier, prose, names }) => [
      `## \`${specifier}\``,
      ...(prose === '' ? [] : [prose]),
      ...names.flatMap(sectionOf),
    ]),
    '## Shapes',
    'Types that the signatures above mention and no entry exports. TypeScript knows them where they are used: the type of a field is ' +
      "`Decision['plan']`.",
    ...shapes.flatMap(sectionOf),
  ].join('\n\n')}\n`.replace(/^(- .*)\n\n(?=- )/gm, '$1\n');
}

function sectionOf({ name, prose, tags, example, signature }: PublicName): string[] {
  return [
    `### ${name}`,
    ...(prose === '' ? [] : [prose]),
    `\`\`\`typescript\n${signature}\n\`\`\``,
    ...tags.map(([tag, text]) => `- ${LABELS[tag] ?? tag}: ${text}`),
    ...(example === undefined ? [] : [`\`\`\`typescript\n${example}\n\`\`\``]),
  ];
}

/** As GitHub makes them of headings. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w -]/g, '')
    .replaceAll(' ', '-');
}
