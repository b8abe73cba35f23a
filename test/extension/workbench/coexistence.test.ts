// Beside an extension that contributes Elixir with a grammar of its own: colours are left to it, debugging works the same.
import assert from 'node:assert/strict';
import * as path from 'node:path';
import { fixtures } from '../../support/paths';
import type { Workbench } from '../../support/vscodeWorkbench';

describe('beside another Elixir extension', () => {
  let workbench: Workbench;

  before(async function () {
    const { folder } = await this.window.sample();
    const extensions = [path.join(fixtures, 'otherExtension')];
    workbench = await this.window.openApart({ folder, extensions });
  });

  it('stops at a gutter breakpoint on F5, and leaves the colours to the other', async () => {
    await workbench.openFile('item.ex');
    await workbench.coloured('defmodule');
    const line = 15;
    await workbench.clickGutter(line);
    await workbench.breakpointGlyphs.first().waitFor();
    await workbench.page.keyboard.press('F5');
    await workbench.waitForStop(line);
    // The other's grammar knows one word. Had this extension coloured too, it would have done so long before the stop.
    assert.equal(await workbench.piece('defmodule').count(), 1);
    assert.equal(await workbench.piece('def').count(), 0);
    await workbench.page.keyboard.press('Shift+F5');
    await workbench.ended();
  });
});
