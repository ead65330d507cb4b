/** A fenced block of a Markdown text: "```yaml train.yaml" has the language yaml and the name train.yaml. */
export interface FencedBlock {
  readonly language: string;
  readonly name: string | undefined;
  readonly body: string;
}

export function fencedBlocks(markdown: string): FencedBlock[] {
  return [...markdown.matchAll(/^```(\w*) ?(\S*)\n([\s\S]*?)^```$/gm)].map(([, language, name, body]) => ({
    language,
    name: name === '' ? undefined : name,
    body,
  }));
}

/** The commands of a shell block, continued lines joined and comments left out. */
export function shellCommands(body: string): string[] {
  return body
    .replaceAll('\\\n', ' ')
    .split('\n')
    .map((line) =>
      line
        .replace(/\s+#\s.*$/, '')
        .replace(/ {2,}/g, ' ')
        .trim(),
    )
    .filter((line) => line !== '');
}

/** Words of a simple command, with single and double quotes. */
export function shellWords(command: string): string[] {
  return [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, plain]) => double ?? single ?? plain,
  );
}
