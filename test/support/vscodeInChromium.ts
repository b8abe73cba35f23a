// Opens a real VS Code (scripts/vscode-web.mjs) in Chromium, with the extension of this folder in it. Knows no test.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, readdir } from 'node:fs/promises';
import * as path from 'node:path';
import { createInterface } from 'node:readline';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from './chromium';
import { root } from './paths';

export interface OpenOptions {
  /** Folder to open as the workspace. */
  folder: string;
  /** Mocha entry to run inside the extension host. */
  tests?: string;
  /** Folders of other extensions, to meet them. */
  extensions?: string[];
  /** The packaged extension, installed as a user does, instead of the extension of this folder. */
  vsix?: string;
  settings?: Record<string, unknown>;
  /** Environment of VS Code's server, and so of everything the extension starts. */
  env?: NodeJS.ProcessEnv;
  /** Language of the window, e.g. `de`. VS Code's own texts stay English: their translations are extensions of their own. */
  language?: string;
  /** Kept user data, e.g. to open one window after another; else fresh. */
  data?: string;
}

/** What the extension logs to, somewhere below the user data. */
const LOG = 'Elixir Coordinated Debugger.log';
/** Characters of a log that a report needs. */
const NEWEST = 3_000;

const VIEWPORT = { width: 1400, height: 900 };
/** Installing VS Code happens here at most once a machine. */
const SERVER_DEADLINE = 10 * 60_000;

export class VsCodeInChromium {
  /** Exit code of the tests in the extension host. */
  readonly exitCode: Promise<number>;
  /** What the workbench prints while tests run in it. */
  readonly output: string[] = [];

  private constructor(
    readonly page: Page,
    private readonly browser: Browser,
    private readonly server: ChildProcess,
    private readonly url: string,
    private readonly data: string,
    exitCode: Promise<number>,
  ) {
    this.exitCode = exitCode;
  }

  static async open(options: OpenOptions): Promise<VsCodeInChromium> {
    const { server, url, data } = await startServer(options);
    let browser: Browser | undefined;
    try {
      browser = await launchChromium();
      const page = await browser.newPage({ viewport: VIEWPORT });
      if (options.language !== undefined) await page.addInitScript(speak, options.language);
      let exited: (code: number) => void = () => undefined;
      const exitCode = new Promise<number>((resolve) => (exited = resolve));
      const opened = new VsCodeInChromium(page, browser, server, url, data, exitCode);
      // The names are VS Code's: its web workbench calls them when tests run in it.
      await page.exposeFunction('codeAutomationLog', (_type: string, args: unknown[]) => {
        opened.output.push(args.map((arg) => (typeof arg === 'string' ? arg : JSON.stringify(arg))).join(' '));
      });
      await page.exposeFunction('codeAutomationExit', (code: number) => exited(code));
      await page.goto(url);
      return opened;
    } catch (error) {
      await browser?.close();
      await stopServer(server);
      throw error;
    }
  }

  /** Another folder in the same browser: a new window with an extension host of its own; the one before ends. */
  async show(folder: string): Promise<void> {
    const url = new URL(this.url);
    url.searchParams.set('folder', folder);
    await this.page.goto(url.href);
  }

  /** What the extension wrote last into its log, of each window so far. */
  async logs(): Promise<string> {
    const logs = path.join(this.data, 'user', 'logs');
    const files = (await readdir(logs, { recursive: true })).filter((file) => path.basename(file) === LOG);
    const texts = files.sort().map(async (file) => (await readFile(path.join(logs, file), 'utf8')).slice(-NEWEST));
    return (await Promise.all(texts)).join('\n');
  }

  async close(): Promise<void> {
    await this.browser.close();
    await stopServer(this.server);
  }
}

/** In the page, before VS Code: the language that its own file of texts would set. */
function speak(language: string): void {
  Object.defineProperty(globalThis, '_VSCODE_NLS_LANGUAGE', { get: () => language, set: () => undefined });
}

async function startServer(options: OpenOptions): Promise<{ server: ChildProcess; url: string; data: string }> {
  const script = path.join(root, 'scripts', 'vscode-web.mjs');
  const args = ['serve', '--chromium', '--folder', options.folder];
  if (options.tests !== undefined) args.push('--tests', options.tests);
  if (options.data !== undefined) {
    await mkdir(options.data, { recursive: true });
    args.push('--data', options.data);
  }
  if (options.vsix !== undefined) args.push('--package', options.vsix);
  for (const folder of options.extensions ?? []) args.push('--extension', folder);
  for (const [key, value] of Object.entries(options.settings ?? {})) {
    args.push('--setting', `${key}=${JSON.stringify(value)}`);
  }
  const server = spawn(process.execPath, [script, ...args], {
    // The channel tells it when this process is gone.
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    env: { ...process.env, ...options.env },
  });
  if (server.stdout === null) throw new Error('scripts/vscode-web.mjs was started without a pipe for its output');
  const line = createInterface({ input: server.stdout });
  const said = once(line, 'line', { signal: AbortSignal.timeout(SERVER_DEADLINE) }) as Promise<[string]>;
  const ended = once(server, 'exit').then(([code]) => {
    throw new Error(`scripts/vscode-web.mjs ended with exit code ${String(code)}`);
  });
  const [text] = await Promise.race([said, ended]);
  // After the first line the server's end is expected, and awaited by stopServer.
  ended.catch(() => undefined);
  return { server, ...(JSON.parse(text) as { url: string; data: string }) };
}

async function stopServer(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  server.kill('SIGTERM');
  await once(server, 'exit');
}
