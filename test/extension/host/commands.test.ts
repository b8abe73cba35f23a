// Every command of the palette as a user meets it: with and without a session, with and without the server. Each ends with
// one sentence, which is what it resolves to. Real server, real adapter, real BEAM.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { Config } from '../../../src/config';
import { COMMANDS } from '../../../src/contributions';
import type { Report } from '../../../src/commands/report';
import { decorationsOf } from '../../../src/decorations';
import type { Api } from '../../../src/extension';
import { activeExtension } from '../../support/activeExtension';
import { acceptingList, nextEvent, until } from '../../support/vscodeEvents';

const run = (id: string, ...given: unknown[]): Thenable<string | undefined> =>
  vscode.commands.executeCommand<string | undefined>(id, ...given);

describe('the commands', function () {
  this.timeout(180_000);
  let api: Api;
  let folder: vscode.WorkspaceFolder;
  let files: string;

  before(async () => {
    ({ api, folder } = await activeExtension());
    files = await mkdtemp(path.join(tmpdir(), 'ecd-commands-'));
  });
  after(async () => {
    await rm(files, { recursive: true, force: true });
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });

  const source = (file: string): vscode.Uri => vscode.Uri.joinPath(folder.uri, file);
  /** The page of a title, as far as it is open. */
  const page = (title: string): Promise<vscode.TextDocument> =>
    until(`the page ${title}`, () =>
      vscode.workspace.textDocuments.find(
        ({ uri }) => uri.scheme === 'elixir-debugger-page' && path.basename(uri.path, '.md') === title,
      ),
    );

  it('are all there once the extension runs', async () => {
    const known = new Set(await vscode.commands.getCommands(true));
    for (const id of Object.values(COMMANDS)) assert.ok(known.has(id), id);
  });

  describe('without a session', () => {
    it('say what is missing where they need one', async () => {
      const ids = ['showStatus', 'prepareModule', 'releaseModule', 'reloadCode', 'removeLeftovers'] as const;
      for (const id of ids.map((name) => COMMANDS[name])) {
        assert.equal(await run(id, 'Shop.Pricing'), 'No Elixir debug session is running.', id);
      }
    });

    it('remember a pin and an exclusion, and take them back', async () => {
      const explained = () => api.server.request('coordination/explain', { module: 'Shop.Till' });
      assert.equal(await run(COMMANDS.pinModule, 'Shop.Till'), 'Shop.Till is pinned: it stays prepared.');
      assert.equal((await explained()).pinned, true);
      assert.equal(await run(COMMANDS.pinModule, { module: 'Shop.Till' }), 'Shop.Till is no longer pinned.');
      assert.equal((await explained()).pinned, false);
      assert.match((await run(COMMANDS.neverInterpret, 'Shop.Till')) ?? '', /never interpreted in this workspace/);
      assert.equal((await explained()).neverInterpret, true);
      assert.equal(await run(COMMANDS.neverInterpret, 'Shop.Till'), 'Shop.Till may be interpreted again.');
      assert.equal((await explained()).neverInterpret, false);
    });

    it('explain a module on a page', async () => {
      assert.equal(await run(COMMANDS.explainModule, 'Shop.Pricing'), 'Shop.Pricing: native');
      const text = (await page('Shop.Pricing')).getText();
      assert.match(text, /# Shop\.Pricing/);
      assert.match(text, /No debug session is running/);
      assert.match(text, /pricing\.ex/);
    });

    it('switch coordination for the next session', async () => {
      const enabled = (): unknown =>
        vscode.workspace.getConfiguration('elixirLS.coordinatedInterpretation').get('enabled');
      assert.match((await run(COMMANDS.toggleCoordination)) ?? '', /Coordination is off/);
      assert.equal(enabled(), false);
      assert.match((await run(COMMANDS.toggleCoordination)) ?? '', /Coordination is on/);
      assert.equal(enabled(), true);
    });

    it('check the environment and find it complete', async () => {
      assert.equal(await run(COMMANDS.checkEnvironment), 'Everything that debugging needs is there.');
      const text = (await page('Elixir Debugger Environment')).getText();
      assert.match(text, /✓ Elixir \d+\.\d+/);
      assert.match(text, /✓ Erlang\/OTP \d+ runs/);
      assert.match(text, /debugger application of Erlang is there/);
      assert.doesNotMatch(text, /✗/);
    });

    it('check the environment and say what to do about what is missing', async () => {
      const launch = vscode.workspace.getConfiguration('launch', folder);
      const { Workspace } = vscode.ConfigurationTarget;
      const configuration = {
        type: 'elixir',
        request: 'launch',
        name: 'astray',
        elixirPath: path.join(files, 'nowhere'),
      };
      await launch.update('configurations', [configuration], Workspace);
      try {
        assert.equal(await run(COMMANDS.checkEnvironment), 'One thing is in the way of debugging.');
        const document = await page('Elixir Debugger Environment');
        await until('the new text', () => (document.getText().includes('✗') ? true : undefined));
        assert.match(document.getText(), /✗ .*elixirPath/);
      } finally {
        await launch.update('configurations', undefined, Workspace);
      }
    });

    it('put diagnostics on the clipboard, without the home folder', async () => {
      assert.match((await run(COMMANDS.copyDiagnostics)) ?? '', /on the clipboard/);
      const text = await vscode.env.clipboard.readText();
      assert.match(text, /"VS Code": "\d/);
      assert.match(text, /"strategy": "demand-driven"/);
      assert.match(text, /"modules": \d+/);
      if (homedir().length > 1) assert.ok(!text.includes(`${homedir()}${path.sep}`));
    });

    it('say so when no file can be written', async () => {
      const target = vscode.Uri.file(path.join(files, 'commands.json', 'inside.json'));
      await vscode.workspace.fs.writeFile(vscode.Uri.file(path.join(files, 'commands.json')), new Uint8Array());
      const said = await run(COMMANDS.exportReport, target);
      assert.ok(said !== undefined && said !== '');
      assert.doesNotMatch(said, /The performance report is in/);
    });
  });

  describe('with a session', () => {
    let session: vscode.DebugSession;
    before(async () => {
      const document = await vscode.workspace.openTextDocument(source('lib/shop/pricing.ex'));
      const { line } = document.positionAt(document.getText().indexOf('saved = min('));
      const location = new vscode.Location(document.uri, new vscode.Position(line, 0));
      vscode.debug.addBreakpoints([new vscode.SourceBreakpoint(location)]);
      const configuration = { type: 'elixir', request: 'launch', name: 'commands', task: 'checkout' };
      assert.ok(await vscode.debug.startDebugging(folder, configuration));
      session = await until('the stop', () => {
        const active = vscode.debug.activeStackItem;
        return active instanceof vscode.DebugStackFrame ? active.session : undefined;
      });
    });
    after(async () => {
      vscode.debug.removeBreakpoints([...vscode.debug.breakpoints]);
      const ended = nextEvent(vscode.debug.onDidTerminateDebugSession, ({ id }) => id === session.id, 'the end');
      await vscode.debug.stopDebugging(session);
      await ended;
    });

    interface Status {
      modules: { module: string; state: string }[];
    }
    const stateOf = async (module: string): Promise<string | undefined> => {
      const { modules } = (await session.customRequest('getInterpretationStatus')) as Status;
      return modules.find((each) => each.module === module)?.state;
    };

    it('have figures beside the code for those who switch that on', async () => {
      const section = vscode.workspace.getConfiguration('elixirLS.coordinatedInterpretation');
      const config = new Config((message) => assert.fail(message));
      assert.equal(config.decorations(), false);
      await section.update('decorations', true, vscode.ConfigurationTarget.Global);
      try {
        assert.equal(config.decorations(), true);
        const document = await vscode.workspace.openTextDocument(source('lib/shop/pricing.ex'));
        const texts = await until('hits', async () => {
          const { health, sessions, modules, cache, prediction, alerts } = await api.server.request(
            'coordination/snapshot',
            {},
          );
          const rows = new Map(modules.map((row) => [row.module, row]));
          const figures = { health, sessions: sessions.filter(({ running }) => running), modules: rows };
          const shown = decorationsOf(document, { ...figures, cache, prediction, alerts }).map(
            ({ renderOptions }) => renderOptions?.after?.contentText ?? '',
          );
          return shown.includes('1 hit') && shown.length > 1 ? shown : undefined;
        });
        assert.match(texts.join('\n'), /^interpreted · (apply_discounts\/2 · )?.*KB · .* ms$/m);
      } finally {
        await section.update('decorations', undefined, vscode.ConfigurationTarget.Global);
      }
    });

    it('show the interpretation status', async () => {
      assert.match(
        (await run(COMMANDS.showStatus)) ?? '',
        /^demand-driven, 1 interpreted, \d+ prepared, \d+ watched for exceptions/,
      );
      await vscode.commands.executeCommand('workbench.action.closeQuickOpen');
    });

    it('prepare a module and release it', async () => {
      assert.equal(await run(COMMANDS.prepareModule, 'Shop.Till'), 'Shop.Till is prepared.');
      assert.equal(await stateOf('Shop.Till'), 'prepared');
      assert.match((await run(COMMANDS.releaseModule, 'Shop.Till')) ?? '', /Shop\.Till is released/);
      await until('the release', async () => ((await stateOf('Shop.Till')) === undefined ? true : undefined));
    });

    it('say why a module cannot be prepared', async () => {
      assert.match(
        (await run(COMMANDS.prepareModule, 'No.Such.Module')) ?? '',
        /^No\.Such\.Module cannot be prepared: ./,
      );
    });

    it('explain what is interpreted, and what it costs', async () => {
      assert.equal(await run(COMMANDS.explainModule, 'Shop.Pricing'), 'Shop.Pricing: interpreted');
      const document = await page('Shop.Pricing');
      await until('the new text', () => (/preparing it took/.test(document.getText()) ? true : undefined));
      assert.match(document.getText(), /It holds a breakpoint, at line \d+/);
    });

    it('export the performance report as JSON and as Markdown', async () => {
      const json = path.join(files, 'report.json');
      assert.match((await run(COMMANDS.exportReport, vscode.Uri.file(json))) ?? '', /The performance report is in/);
      const report = JSON.parse(await readFile(json, 'utf8')) as Report;
      const [measured] = report.sessions;
      assert.equal(measured?.name, 'commands');
      assert.ok(measured.metrics.interpretationTiming.count > 0);
      assert.ok(report.server?.modules.some(({ module }) => module === 'Shop.Pricing'));
      const markdown = path.join(files, 'report.md');
      await run(COMMANDS.exportReport, vscode.Uri.file(markdown));
      const text = await readFile(markdown, 'utf8');
      assert.match(text, /## Session commands/);
      assert.match(text, /\| Shop\.Pricing \| interpreted \|/);
      assert.doesNotMatch(text, /NaN|undefined|\[object/);
    });

    it('reload nothing when nothing has changed, and what has changed after that', async () => {
      assert.equal(await run(COMMANDS.reloadCode), 'No source has changed since the program loaded it.');
      const uri = source('lib/shop/till.ex');
      const before = await vscode.workspace.fs.readFile(uri);
      const document = await vscode.workspace.openTextDocument(uri);
      const edit = new vscode.WorkspaceEdit();
      const end = document.getText().lastIndexOf('end');
      edit.insert(uri, document.positionAt(end), '  def reloaded?, do: true\n');
      await vscode.workspace.applyEdit(edit);
      assert.ok(document.isDirty);
      try {
        assert.equal(await run(COMMANDS.reloadCode), 'Reloaded till.ex.');
        assert.ok(!document.isDirty);
      } finally {
        await vscode.workspace.fs.writeFile(uri, before);
      }
    });

    it('leave a launched program alone where there is nothing to remove', async () => {
      assert.match((await run(COMMANDS.removeLeftovers)) ?? '', /launched ends as a whole/);
    });

    it('pause the preparation in the background, and go on', async () => {
      await until('the connection', async () => {
        const health = await api.server.request('coordination/health', {});
        return health.connections > 0 ? true : undefined;
      });
      assert.match((await run(COMMANDS.pauseBackground)) ?? '', /paused|goes on/);
      assert.match((await run(COMMANDS.pauseBackground)) ?? '', /paused|goes on/);
    });
  });

  describe('with the text of a failure', () => {
    after(() => vscode.debug.removeBreakpoints([...vscode.debug.breakpoints]));

    it('suggest breakpoints, and set the ones that are picked', async () => {
      const failure = [
        '** (ArithmeticError) bad argument in arithmetic expression',
        '    (shop 0.1.0) lib/shop/pricing.ex:12: Shop.Pricing.total/2',
      ].join('\n');
      await vscode.env.clipboard.writeText(failure);
      // The list stands with what the failure names picked.
      const said = await acceptingList<string>(COMMANDS.suggestBreakpoints);
      assert.match(said, /is set|are set/);
      const uris = vscode.debug.breakpoints.flatMap((each) =>
        each instanceof vscode.SourceBreakpoint ? [each.location.uri.path] : [],
      );
      assert.ok(uris.some((each) => each.endsWith('/lib/shop/pricing.ex')));
    });
  });

  describe('after the server is gone', () => {
    it('restart it, and say so', async () => {
      const before = await api.server.request('coordination/health', {});
      assert.equal(await run(COMMANDS.restartServer), 'The coordination server was started again.');
      const after = await api.server.request('coordination/health', {});
      assert.notEqual(after.pid, before.pid);
    });
  });
});
