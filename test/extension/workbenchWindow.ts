// The one VS Code in the one browser that all workbench suites of a run share. Mocha loads this file with --require; its
// hooks put the window into the context of every suite. Knows no test.
import { copySample, type SampleProject } from '../support/sampleProject';
import { VsCodeInChromium } from '../support/vscodeInChromium';
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
  #opened: { vscode: VsCodeInChromium; workbench: Workbench } | undefined;
  #sample: SampleProject | undefined;
  #shows: string | undefined;

  /** A folder in a fresh window: another extension host, another server, nothing of the suites before. */
  async open(folder: string, extensions: string[] = []): Promise<Workbench> {
    this.#shows = undefined;
    if (this.#opened === undefined) {
      const vscode = await VsCodeInChromium.open({ folder, settings: SETTINGS });
      this.#opened = { vscode, workbench: new Workbench(vscode.page) };
      if (extensions.length > 0) await vscode.show(folder, extensions);
    } else {
      await this.#opened.vscode.show(folder, extensions);
    }
    const { workbench } = this.#opened;
    await workbench.ready();
    this.#shows = folder;
    return workbench;
  }

  /** The sample project, in the window that the suite before had it in, without its editors, breakpoints and sessions. */
  async openSample(): Promise<{ sample: SampleProject; workbench: Workbench }> {
    const sample = await this.sample();
    if (this.#opened === undefined || this.#shows !== sample.folder) {
      return { sample, workbench: await this.open(sample.folder) };
    }
    const { workbench } = this.#opened;
    await workbench.tidy();
    return { sample, workbench };
  }

  /** A copy for the whole run: no suite changes its files. */
  async sample(): Promise<SampleProject> {
    return (this.#sample ??= await copySample());
  }

  /** What a failed test left behind is nobody's beginning. */
  async failed(title: string): Promise<void> {
    await this.#opened?.workbench.screenshot(`failed ${title}`);
    this.#shows = undefined;
  }

  async close(): Promise<void> {
    await this.#opened?.vscode.close();
    await this.#sample?.remove();
  }
}

export const mochaHooks: Mocha.RootHookObject = {
  beforeAll(this: Mocha.Context) {
    this.window = new SharedWindow();
  },
  async afterEach(this: Mocha.Context) {
    if (this.currentTest?.state === 'failed') await this.window.failed(this.currentTest.title);
  },
  async afterAll(this: Mocha.Context) {
    await this.window.close();
  },
};
