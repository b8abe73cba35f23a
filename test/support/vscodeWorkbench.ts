// The workbench as a person uses it: files, gutter, keys, views, screenshots. Knows VS Code's page, not what is tested.
import { mkdir } from 'node:fs/promises';
import * as path from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { root } from './paths';

const ARTIFACTS = path.join(root, 'test', 'artifacts');
/** Every wait on the page; a first debug session compiles the project. */
const PATIENCE = 60_000;
/** ms of the first of several tries to use an input. */
const FIRST_TRY = 4_000;

export class Workbench {
  constructor(readonly page: Page) {
    page.setDefaultTimeout(PATIENCE);
  }

  /** Ready once the extension host answers: the explorer lists the folder. */
  async ready(): Promise<void> {
    await this.page.locator('.explorer-folders-view .monaco-list-row').first().waitFor();
  }

  async openFile(name: string): Promise<void> {
    const file = path.basename(name);
    await this.insist(async (timeout) => {
      await this.type('Control+P', name, timeout);
      const row = this.page.locator('.quick-input-list .monaco-list-row').first();
      await row.getByText(file).first().waitFor({ timeout });
      await this.page.keyboard.press('Enter');
      await this.page.locator('.tab.active', { hasText: file }).waitFor({ timeout });
    });
    await this.page.locator('.editor-instance .view-line').first().waitFor();
  }

  /** Runs a command by its title, as from the palette. */
  async command(title: string): Promise<void> {
    await this.insist(async (timeout) => {
      await this.type('F1', `>${title}`, timeout);
      const named = this.page.locator('.label-name', { hasText: exactly(title) });
      await this.page.locator('.quick-input-list .monaco-list-row').filter({ has: named }).first().click({ timeout });
    });
  }

  /** Into the input that the key opens. Open already, it would move the choice. */
  private async type(key: string, text: string, timeout: number): Promise<void> {
    const input = this.page.locator('.quick-input-widget input').first();
    if (!(await input.isVisible())) await this.page.keyboard.press(key);
    await input.waitFor({ timeout });
    await input.fill(text, { timeout });
  }

  /** Tries again, each time with more patience: an input closes when a page that opens just then takes the focus. */
  private async insist(attempt: (timeout: number) => Promise<void>): Promise<void> {
    for (let timeout = FIRST_TRY; ; timeout *= 2) {
      try {
        await attempt(timeout);
        return;
      } catch (thrown) {
        if (timeout > PATIENCE / 2) throw thrown;
      }
    }
  }

  /** Clicks left of the line number, where breakpoints are. */
  async clickGutter(line: number): Promise<void> {
    const number = this.page
      .locator('.editor-instance .margin-view-overlays .line-numbers')
      .filter({ hasText: exactly(String(line)) });
    const box = await number.first().boundingBox();
    if (box === null) throw new Error(`line ${line} is not on the screen`);
    await this.page.mouse.click(box.x - 8, box.y + box.height / 2);
  }

  get breakpointGlyphs(): Locator {
    return this.page.locator('.editor-instance .codicon-debug-breakpoint');
  }

  /** Waits until the yellow arrow of the open file is at this line. */
  async waitForStop(line: number): Promise<void> {
    const deadline = Date.now() + PATIENCE;
    let seen: number | undefined;
    while (Date.now() < deadline) {
      seen = await this.currentLine().catch(() => undefined);
      if (seen === line) return;
      await this.page.waitForTimeout(100);
    }
    throw new Error(`the process should have stopped at line ${line}, the last stop shown was ${String(seen)}`);
  }

  /** Line number beside the arrow of the top frame. */
  private async currentLine(): Promise<number> {
    const arrow = this.page.locator('.editor-instance .codicon-debug-stackframe').first();
    const box = await arrow.boundingBox({ timeout: 500 });
    if (box === null) throw new Error('no arrow');
    const numbers = this.page.locator('.editor-instance .margin-view-overlays .line-numbers');
    for (const number of await numbers.all()) {
      const at = await number.boundingBox({ timeout: 500 });
      if (at !== null && Math.abs(at.y - box.y) < at.height / 2) return Number(await number.innerText());
    }
    throw new Error('the arrow is beside no line');
  }

  variable(name: string): Locator {
    return this.page.locator('.debug-variables .monaco-list-row .expression', {
      has: this.page.locator('.name', { hasText: new RegExp(`^${name}\\b`) }),
    });
  }

  callStack(): Locator {
    return this.page.locator('.debug-call-stack .monaco-list-row');
  }

  /** A line of the open file, with what is shown beside it. */
  lineWith(text: string): Locator {
    // The editor renders blanks as non-breaking.
    return this.page.locator('.editor-instance .view-line', { hasText: text });
  }

  /** Rests the pointer on a word of a line until its hover shows a text. */
  async hover(word: string, lineText: string, shown: string): Promise<void> {
    const place = this.lineWith(lineText)
      .locator('span > span', { hasText: exactly(word) })
      .first();
    const widget = this.page.locator('.debug-hover-widget').filter({ hasText: shown });
    // An editor that lays itself out anew drops its hover, and opens none again at the same letter: each try takes another.
    for (let letter = 0; letter < word.length; letter++) {
      const box = await place.boundingBox();
      if (box === null) throw new Error(`${word} is not on the screen`);
      await this.page.mouse.move(box.x + ((letter + 0.5) * box.width) / word.length, box.y + box.height / 2);
      const seen = await widget.waitFor({ timeout: PATIENCE / word.length }).then(
        () => true,
        () => false,
      );
      if (seen) return;
    }
    throw new Error(`no hover of ${word} showed ${shown}`);
  }

  /** By the text of the item behind its icon. */
  statusBarItem(text: string | RegExp): Locator {
    return this.page.locator('.statusbar-item .statusbar-item-label').filter({ hasText: text }).first();
  }

  // ── Testing view ─────────────────────────────────────────────────────────────────────────────────────────────────

  async openTesting(): Promise<void> {
    await this.page.locator('.activitybar .action-label[aria-label^="Testing"]').click();
    await this.page.locator('.test-explorer .monaco-list-row').first().waitFor();
  }

  /** Rows of the tree of tests by their name. */
  test(name: string): Locator {
    // Behind the name stands how long it took.
    const label = this.page.locator('.label', { hasText: new RegExp(`^\\s*${escaped(name)}\\s*([\\d.]+m?s)?\\s*$`) });
    return this.page.locator('.test-explorer .monaco-list-row').filter({ has: label });
  }

  /** The same, once they have this state. */
  testIn(state: 'passed' | 'failed' | 'skipped' | 'error', name: string): Locator {
    return this.test(name)
      .filter({ has: this.page.locator(`.codicon-testing-${state}-icon`) })
      .first();
  }

  /** Opens every level that is there. */
  async expandTests(): Promise<void> {
    const closed = this.page.locator('.test-explorer .monaco-tl-twistie.collapsible.collapsed');
    const loading = this.page.locator('.test-explorer .codicon-tree-item-loading, .test-explorer .codicon-loading');
    for (let tries = 0; tries < 100; tries++) {
      await this.page.waitForTimeout(100);
      if ((await closed.count()) > 0) await closed.first().click();
      else if (tries > 10 && (await loading.count()) === 0) return;
    }
    throw new Error('the tree of tests does not open');
  }

  console(): Locator {
    return this.page.locator('.repl .repl-tree');
  }

  async evaluate(expression: string): Promise<void> {
    await this.command('Debug Console: Focus on Debug Console View');
    // The command is done before the focus has moved: what is typed until then goes into the file.
    const input = this.page.locator('.repl .repl-input-wrapper .monaco-editor');
    await input.and(this.page.locator('.focused')).waitFor();
    await this.page.keyboard.type(expression);
    await input.locator('.view-line', { hasText: expression }).waitFor();
    await this.page.keyboard.press('Enter');
  }

  /** Continues the process in focus. VS Code hears of a stop a moment before its key for it works. */
  async resume(): Promise<void> {
    await this.page.locator('.debug-toolbar .action-label[aria-label^="Continue"]').waitFor();
    await this.page.keyboard.press('F5');
  }

  /** No session runs any more. */
  async ended(): Promise<void> {
    await this.page.locator('.debug-toolbar').waitFor({ state: 'hidden' });
  }

  /** By the theme's label, as in the picker; waits until the page wears it. */
  async theme(label: string, kind: 'vs' | 'vs-dark' | 'hc-black' | 'hc-light'): Promise<void> {
    await this.command('Preferences: Color Theme');
    const input = this.page.locator('.quick-input-widget input[placeholder^="Select Color Theme"]');
    await input.waitFor();
    await input.fill(label);
    await this.page.locator('.quick-input-list .monaco-list-row.focused', { hasText: label }).waitFor();
    await this.page.keyboard.press('Enter');
    await this.page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
    await this.page.locator(`.monaco-workbench.${kind}`).first().waitFor();
  }

  /** A word of the open file that has a colour of its own. */
  piece(word: string): Locator {
    return this.page.locator('.editor-instance .view-line span > span', { hasText: exactly(word) });
  }

  /** Colours come after the text, and again after a change of theme: until then a line is one piece. */
  async coloured(word: string): Promise<void> {
    await this.piece(word).first().waitFor();
  }

  /** What a person would read on the page, for a report of a failure. */
  async visibleText(): Promise<string> {
    const places = {
      notices: '.notification-list-item',
      input: '.quick-input-widget',
      dialog: '.monaco-dialog-box',
      toolbar: '.debug-toolbar .action-label',
      'call stack': '.debug-call-stack',
      console: '.repl .repl-tree',
      editor: '.tab.active',
      'status bar': '.statusbar',
    };
    const texts = Object.entries(places).map(async ([place, selector]) => {
      const shown = await this.page.locator(selector).filter({ visible: true }).allInnerTexts();
      return `${place}: ${shown.join(' | ').replace(/\s+/g, ' ').slice(0, 600)}`;
    });
    return (await Promise.all(texts)).join('\n');
  }

  /** Kept under test/artifacts for people to look at. */
  async screenshot(name: string): Promise<void> {
    await mkdir(ARTIFACTS, { recursive: true });
    await this.page.screenshot({ path: path.join(ARTIFACTS, `${name}.png`) });
  }
}

function exactly(text: string): RegExp {
  return new RegExp(`^${escaped(text)}$`);
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
