// The dashboard's real bundle in Chromium, in the real HTML with the real policy; this stands for VS Code alone around it.
/// <reference lib="dom" />
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import * as path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import type { FromPage, PageData, ToPage } from '../../protocol/dashboard';
import type { MetricsSnapshot } from '../../protocol/metrics';
import { html } from '../../src/dashboard/html';
import { launchChromium } from './chromium';
import { eventually } from './deadline';
import { root } from './paths';

export const THEMES = ['dark', 'light', 'highContrast', 'highContrastLight'] as const;
export type ThemeName = (typeof THEMES)[number];

/** What VS Code puts on the root element and the body, taken from a real window. */
interface Theme {
  bodyClass: string;
  variables: Record<string, string>;
}

export interface OpenOptions {
  theme?: ThemeName;
  viewport?: { width: number; height: number };
  /** What the page kept when it was there before. */
  state?: unknown;
  bundle?: PageData['bundle'];
  reducedMotion?: boolean;
}

const COMMANDS = {
  'elixirCoordinatedDebugger.showLog': 'Show Log',
  'elixirCoordinatedDebugger.restartServer': 'Restart Coordination Server',
};
const NONCE = 'bm9uY2UgZm9yIHRlc3Rz';

export async function theme(name: ThemeName): Promise<Theme> {
  return JSON.parse(await readFile(path.join(root, 'test', 'fixtures', 'themes', `${name}.json`), 'utf8')) as Theme;
}

/** One browser and one origin for all pages of a suite. */
export class DashboardBrowser {
  private constructor(
    private readonly browser: Browser,
    private readonly server: Server,
    private readonly bundles: { data: PageData },
  ) {}

  static async start(): Promise<DashboardBrowser> {
    const parts = { data: { bundle: {}, commands: COMMANDS } as PageData };
    const server = createServer((request, response) => {
      const served = request.url === '/' ? Promise.resolve(page(parts.data)) : file(request.url ?? '');
      void served.then(
        ({ type, content }) => response.writeHead(200, { 'content-type': type }).end(content),
        () => response.writeHead(404).end(),
      );
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new DashboardBrowser(await launchChromium(), server, parts);
  }

  async open(options: OpenOptions = {}): Promise<DashboardPage> {
    this.bundles.data = { bundle: options.bundle ?? {}, commands: COMMANDS };
    const context = await this.browser.newContext({
      viewport: options.viewport ?? { width: 1200, height: 900 },
      reducedMotion: options.reducedMotion ? 'reduce' : 'no-preference',
      locale: 'en-US',
      timezoneId: 'UTC',
    });
    const opened = new DashboardPage(await context.newPage());
    await opened.load(`http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`, options);
    return opened;
  }

  async close(): Promise<void> {
    await this.browser.close();
    this.server.close();
  }
}

function page(data: PageData): { type: string; content: string } {
  const content = html({
    source: "'self'",
    script: '/dashboard.js',
    style: '/dashboard.css',
    nonce: NONCE,
    language: 'en',
    title: 'Dashboard',
    data,
  });
  return { type: 'text/html; charset=utf-8', content };
}

async function file(url: string): Promise<{ type: string; content: string }> {
  if (!/^\/dashboard\.(js|css)$/.test(url)) throw new Error(url);
  const content = await readFile(path.join(root, 'dist', url), 'utf8');
  return { type: url.endsWith('.js') ? 'text/javascript' : 'text/css', content };
}

export class DashboardPage {
  /** What the page said to its host, oldest first. */
  readonly sent: FromPage[] = [];
  /** What the policy refused, and errors nobody caught. */
  readonly complaints: string[] = [];

  constructor(readonly page: Page) {
    page.setDefaultTimeout(15_000);
    page.on('console', (message) => message.type() === 'error' && this.complaints.push(message.text()));
    page.on('pageerror', (error) => this.complaints.push(error.message));
  }

  async load(url: string, options: OpenOptions): Promise<void> {
    const { page } = this;
    const { bodyClass, variables } = await theme(options.theme ?? 'dark');
    await page.exposeFunction('toHost', (message: FromPage) => void this.sent.push(message));
    await page.exposeFunction('refused', (text: string) => void this.complaints.push(text));
    await page.addInitScript(webview, { bodyClass, variables, state: options.state });
    await page.goto(url);
    await this.asked('ready');
  }

  /** The newest message of a kind that the page sent. */
  asked<Kind extends FromPage['kind']>(kind: Kind): Promise<Extract<FromPage, { kind: Kind }>> {
    return eventually(`the page sends ${kind}`, () =>
      this.sent.findLast((message): message is Extract<FromPage, { kind: Kind }> => message.kind === kind),
    );
  }

  async tell(message: ToPage): Promise<void> {
    await this.page.evaluate((data) => window.postMessage(data, '*'), message);
  }

  /** ms from the arrival of a snapshot to its picture on the screen. */
  timeToShow(snapshot: MetricsSnapshot): Promise<number> {
    return this.page.evaluate(
      (data) =>
        new Promise<number>((resolve) => {
          const from = performance.now();
          const shown = new MutationObserver(() => {
            if (document.querySelector('[role=tablist]') === null) return;
            shown.disconnect();
            // The frame after the one that paints the change.
            requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - from)));
          });
          shown.observe(document.body, { childList: true, subtree: true });
          window.postMessage(data, '*');
        }),
      { kind: 'snapshot', snapshot } satisfies ToPage,
    );
  }

  /** ms from the start of the load until a snapshot, given at the page's first word, is on the screen. */
  async timeToOpen(snapshot: MetricsSnapshot): Promise<number> {
    const ready = await this.page.evaluate(() => (window as unknown as { readyAt: number }).readyAt);
    return ready + (await this.timeToShow(snapshot));
  }

  /** What VS Code would give the page when it is shown again. */
  kept(): Promise<unknown> {
    return this.page.evaluate(() => (window as unknown as { kept: unknown }).kept);
  }

  async tab(name: string): Promise<void> {
    await this.page.getByRole('tab', { name, exact: true }).click();
  }

  async wear(name: ThemeName): Promise<void> {
    const { bodyClass, variables } = await theme(name);
    await this.page.evaluate(
      ({ bodyClass, variables }) => {
        for (const key of [...document.documentElement.style]) {
          if (key.startsWith('--vscode-')) document.documentElement.style.removeProperty(key);
        }
        for (const [key, value] of Object.entries(variables)) document.documentElement.style.setProperty(key, value);
        document.body.className = bodyClass;
      },
      { bodyClass, variables },
    );
  }

  close(): Promise<void> {
    return this.page.context().close();
  }
}

/** Runs in the page before anything else: what VS Code defines in a webview. */
function webview(given: { bodyClass: string; variables: Record<string, string>; state: unknown }): void {
  const page = window as unknown as {
    kept: unknown;
    readyAt: number | undefined;
    toHost: (message: unknown) => void;
    refused: (text: string) => void;
    acquireVsCodeApi: unknown;
  };
  page.kept = given.state;
  page.acquireVsCodeApi = () => ({
    postMessage: (message: unknown) => {
      page.readyAt ??= performance.now();
      page.toHost(message);
    },
    getState: () => page.kept,
    setState: (state: unknown) => (page.kept = structuredClone(state)),
  });
  addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
    page.refused(`${violatedDirective}: ${blockedURI}`),
  );
  // The parser makes the elements after this has run; VS Code has put its style on them before the page's script.
  const dressed = new Set<Element>();
  new MutationObserver(() => {
    const { documentElement, body } = document as { documentElement: HTMLElement | null; body: HTMLElement | null };
    if (documentElement !== null && !dressed.has(documentElement)) {
      dressed.add(documentElement);
      for (const [key, value] of Object.entries(given.variables)) documentElement.style.setProperty(key, value);
    }
    if (body !== null && !dressed.has(body)) {
      dressed.add(body);
      body.className = given.bodyClass;
    }
  }).observe(document, { childList: true, subtree: true });
}
