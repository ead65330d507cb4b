import type { QuickJSSyncVariant } from 'quickjs-emscripten-core';
import { asOption, readOptions } from '../reading/options.ts';
import { defineSolver } from './define-solver.ts';
import { programFor } from './sandbox-programs.ts';
import type { Solver } from './solver.ts';

/** Interrupt checks before a program is stopped: counted, not timed, so that every machine stops at the same place. */
const mostChecks = 200;
const memoryBytes = 16 * 2 ** 20;

/**
 * Runs JavaScript in QuickJS (WebAssembly: no file, no network, no host object): the snippet in the prompt,
 * or a program that a recipe writes for the task.
 */
export async function createSandboxSolver(): Promise<Solver> {
  const { newQuickJSWASMModuleFromVariant } = await import('quickjs-emscripten-core');
  const { default: variant } = await import('@jitl/quickjs-wasmfile-release-sync');
  // Its types describe the CommonJS build; the module loaded here is the ES one, whose default is the variant itself.
  const quickjs = await newQuickJSWASMModuleFromVariant(variant as unknown as QuickJSSyncVariant);

  function run(code: string): string | null {
    const runtime = quickjs.newRuntime();
    runtime.setMemoryLimit(memoryBytes);
    let checks = 0;
    runtime.setInterruptHandler(() => ++checks > mostChecks);
    const context = runtime.newContext();
    const lines: string[] = [];
    const log = context.newFunction(
      'log',
      (...values) => void lines.push(values.map((value) => String(context.dump(value))).join(' ')),
    );
    const host = context.newObject();
    context.setProp(host, 'log', log);
    context.setProp(context.global, 'console', host);
    const result = context.evalCode(code);
    const failed = result.error !== undefined;
    result.dispose();
    host.dispose();
    log.dispose();
    context.dispose();
    runtime.dispose();
    return failed || lines.length === 0 ? null : lines.join('\n');
  }

  return defineSolver('js-sandbox', 0.4, 0.8, (text) => {
    const { question, options } = readOptions(text);
    const code = snippetIn(question) ?? programFor(question);
    const answer = code === null ? null : run(code);
    return answer === null ? null : asOption(options, answer);
  });
}

/** The fenced block of a prompt, or the run of lines that look like code. */
function snippetIn(text: string): string | null {
  const fenced = /```\w*\n([\s\S]*?)```/.exec(text)?.[1];
  if (fenced !== undefined) return fenced;
  const lines = text.split('\n').filter((line) => /[;{}]\s*$|^\s{2,}\S/.test(line));
  return lines.some((line) => line.includes('console.log')) ? lines.join('\n') : null;
}
