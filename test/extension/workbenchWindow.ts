// The one VS Code in the one browser that all workbench suites of a run share. Mocha loads this file with --require; its
// hooks put the window into the context of every suite. Knows no test.
import { copySample, type SampleProject } from '../support/sampleProject';
import { VsCodeInChromium, type OpenOptions } from '../support/vscodeInChromium';
import { Workbench } from '../support/vscodeWorkbench';

declare module 'mocha' {
  interface Context {
    window: SharedWindow;
  }
}

const SETTINGS = {
  'workbench.colorTheme': 'Default Dark Modern',
  'testing.automaticallyOpenTestResults': 'neverOpen',
  'testing.automaticallyOpenPeekView': 'never',
};

export class SharedWindow {
  #shared: { vscode: VsCodeInChromium; workbench: Workbench } | undefined;
  /** One with other settings or extensions, for as long as its suite runs. */
  #apart: { vscode: VsCodeInChromium; workbench: Workbench } | undefined;
  readonly #samples: SampleProject[] = [];

  /** A folder in a fresh window: another extension host, another server, nothing of the suites before. */
  async open(folder: string): Promise<Workbench> {
    await this.closeApart();
    if (this.#shared === undefined) this.#shared = await opened({ folder });
    else await this.#shared.vscode.show(folder);
    const { workbench } = this.#shared;
    await workbench.ready();
    return workbench;
  }

  /** A VS Code beside the shared one, until another suite opens its window. */
  async openApart(options: OpenOptions): Promise<Workbench> {
    await this.closeApart();
    this.#apart = await opened(options);
    await this.#apart.workbench.ready();
    return this.#apart.workbench;
  }

  /** A copy of the sample project: VS Code keeps breakpoints and layout by folder. */
  async sample(): Promise<SampleProject> {
    const sample = await copySample();
    this.#samples.push(sample);
    return sample;
  }

  async openSample(): Promise<{ sample: SampleProject; workbench: Workbench }> {
    const sample = await this.sample();
    return { sample, workbench: await this.open(sample.folder) };
  }

  async screenshot(name: string): Promise<void> {
    await (this.#apart ?? this.#shared)?.workbench.screenshot(name);
  }

  /** What the page shows and what the extension logged last. */
  async report(): Promise<string> {
    const { workbench, vscode } = this.#apart ?? this.#shared ?? {};
    return `${(await workbench?.visibleText()) ?? ''}\n${(await vscode?.logs()) ?? ''}\n`;
  }

  async closeApart(): Promise<void> {
    await this.#apart?.vscode.close();
    this.#apart = undefined;
  }

  async close(): Promise<void> {
    await this.closeApart();
    await this.#shared?.vscode.close();
    for (const sample of this.#samples) await sample.remove();
  }
}

async function opened(options: OpenOptions): Promise<{ vscode: VsCodeInChromium; workbench: Workbench }> {
  const vscode = await VsCodeInChromium.open({ ...options, settings: { ...SETTINGS, ...options.settings } });
  return { vscode, workbench: new Workbench(vscode.page) };
}

export const mochaHooks: Mocha.RootHookObject = {
  beforeAll(this: Mocha.Context) {
    this.window = new SharedWindow();
  },
  beforeEach(this: Mocha.Context) {
    // Each suite is a journey: a step starts where the one before it ended.
    const before = this.currentTest?.parent?.tests ?? [];
    if (before.some(({ state }) => state === 'failed')) this.skip();
  },
  async afterEach(this: Mocha.Context) {
    if (this.currentTest?.state !== 'failed') return;
    process.stdout.write(await this.window.report());
    await this.window.screenshot(`failed ${this.currentTest.title}`);
  },
  async afterAll(this: Mocha.Context) {
    await this.window.close();
  },
};
