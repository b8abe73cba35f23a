// Beside an extension that contributes Elixir with a grammar of its own: colours are left to it, debugging works the same.
import assert from 'node:assert/strict';
import * as path from 'node:path';
import { fixtures } from '../../support/paths';
import { copySample, type SampleProject } from '../../support/sampleProject';
import { VsCodeInChromium } from '../../support/vscodeInChromium';
import { Workbench } from '../../support/vscodeWorkbench';

describe('beside another Elixir extension', () => {
  let sample: SampleProject;
  let vscode: VsCodeInChromium;
  let workbench: Workbench;

  before(async () => {
    sample = await copySample();
    vscode = await VsCodeInChromium.open({
      folder: sample.folder,
      extensions: [path.join(fixtures, 'otherExtension')],
      settings: { 'workbench.colorTheme': 'Default Dark Modern' },
    });
    workbench = new Workbench(vscode.page);
    await workbench.ready();
  });
  after(async () => {
    await vscode.close();
    await sample.remove();
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await workbench.screenshot(`failed ${this.currentTest.title}`);
  });

  it('stops at a gutter breakpoint on F5, and leaves the colours to the other', async () => {
    await workbench.openFile('item.ex');
    await workbench.coloured('defmodule');
    const line = 15;
    await workbench.clickGutter(line);
    await workbench.breakpointGlyphs.first().waitFor();
    await vscode.page.keyboard.press('F5');
    await workbench.waitForStop(line);
    // The other's grammar knows one word. Had this extension coloured too, it would have done so long before the stop.
    assert.equal(await workbench.piece('defmodule').count(), 1);
    assert.equal(await workbench.piece('def').count(), 0);
    await vscode.page.keyboard.press('Shift+F5');
    await workbench.ended();
  });
});
