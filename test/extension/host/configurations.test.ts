// Zero-config F5 and defaults: what the configuration provider makes of folders, open files and settings.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { Config } from '../../../src/config';
import { Configurations } from '../../../src/debug/configurations';

const NOTHING: vscode.DebugConfiguration = { type: '', request: '', name: '' };

describe('debug configurations', () => {
  let top: string;
  const complaints: string[] = [];
  const provider = new Configurations(new Config((message) => complaints.push(message)));

  before(async () => {
    top = await mkdtemp(path.join(tmpdir(), 'ecd-config-'));
  });
  after(() => rm(top, { recursive: true, force: true }));
  afterEach(async () => {
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    const section = vscode.workspace.getConfiguration('elixirLS.coordinatedInterpretation');
    for (const key of ['strategy', 'memoryThreshold', 'fallbackTimeout'])
      await section.update(key, undefined, vscode.ConfigurationTarget.Global);
  });

  async function folderWith(files: Record<string, string>): Promise<vscode.WorkspaceFolder> {
    const folder = await mkdtemp(path.join(top, 'project-'));
    for (const [name, text] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
      await writeFile(path.join(folder, name), text);
    }
    return { uri: vscode.Uri.file(folder), name: path.basename(folder), index: 0 };
  }
  async function open(folder: vscode.WorkspaceFolder, file: string, line = 0): Promise<void> {
    const document = await vscode.workspace.openTextDocument(vscode.Uri.joinPath(folder.uri, file));
    const at = new vscode.Position(line, 0);
    await vscode.window.showTextDocument(document, { selection: new vscode.Range(at, at) });
  }

  it('runs the Phoenix server where there is an endpoint', async () => {
    const folder = await folderWith({
      'mix.exs': 'defmodule A.MixProject do\n  def application, do: [mod: {A.Application, []}]\nend\n',
      'lib/a_web/endpoint.ex': 'defmodule AWeb.Endpoint do\n  use Phoenix.Endpoint, otp_app: :a\nend\n',
    });
    const found = await provider.resolveDebugConfiguration(folder, NOTHING);
    assert.equal(found.type, 'elixir');
    assert.equal(found.request, 'launch');
    assert.equal(found['task'], 'phx.server');
    assert.equal(found['exitAfterTaskReturns'], false);
    assert.equal(found['projectDir'], folder.uri.fsPath);
  });

  it('finds the endpoint of an umbrella', async () => {
    const folder = await folderWith({
      'mix.exs': 'defmodule U.MixProject do\n  def project, do: [apps_path: "apps"]\nend\n',
      'apps/web/mix.exs': 'defmodule Web.MixProject do\nend\n',
      'apps/web/lib/web/endpoint.ex': 'defmodule Web.Endpoint do\n  use Phoenix.Endpoint, otp_app: :web\nend\n',
    });
    const found = await provider.resolveDebugConfiguration(folder, NOTHING);
    assert.equal(found['task'], 'phx.server');
    assert.equal(found['projectDir'], folder.uri.fsPath);
  });

  it('leaves the task to the project where mix.exs names one', async () => {
    const folder = await folderWith({
      'mix.exs': 'defmodule A.MixProject do\n  def cli, do: [default_task: "go"]\nend\n',
    });
    const found = await provider.resolveDebugConfiguration(folder, NOTHING);
    assert.equal(found['task'], undefined);
    assert.equal(found.name, 'mix');
  });

  it('keeps an application running', async () => {
    const folder = await folderWith({
      'mix.exs': 'defmodule A.MixProject do\n  def application, do: [mod: {A.Application, []}]\nend\n',
    });
    const found = await provider.resolveDebugConfiguration(folder, NOTHING);
    assert.equal(found['task'], 'run');
    assert.deepEqual(found['taskArgs'], ['--no-halt']);
  });

  it('runs the tests of a library', async () => {
    const folder = await folderWith({
      'mix.exs': 'defmodule A.MixProject do\nend\n',
      'test/test_helper.exs': 'ExUnit.start()\n',
    });
    assert.equal((await provider.resolveDebugConfiguration(folder, NOTHING))['task'], 'test');
  });

  it('runs the test under the cursor, in the project that the file belongs to', async () => {
    const folder = await folderWith({
      'mix.exs': 'defmodule U.MixProject do\n  def project, do: [apps_path: "apps"]\nend\n',
      'apps/one/mix.exs': 'defmodule One.MixProject do\nend\n',
      'apps/one/test/one_test.exs':
        'defmodule OneTest do\n  use ExUnit.Case\n  test "x" do\n    assert true\n  end\nend\n',
    });
    await open(folder, 'apps/one/test/one_test.exs', 3);
    const found = await provider.resolveDebugConfiguration(folder, NOTHING);
    assert.equal(found['task'], 'test');
    assert.deepEqual(found['taskArgs'], ['test/one_test.exs:4']);
    assert.equal(found['projectDir'], path.join(folder.uri.fsPath, 'apps', 'one'));
  });

  it('runs a script with elixir where there is no project', async () => {
    const folder = await folderWith({ 'hello.exs': 'IO.puts("hello")\n' });
    await open(folder, 'hello.exs');
    const found = await provider.resolveDebugConfiguration(folder, NOTHING);
    assert.equal(found['script'], path.join(folder.uri.fsPath, 'hello.exs'));
    assert.equal(found['task'], undefined);
  });

  it('runs a script in a window without a folder', async () => {
    const folder = await folderWith({ 'alone.exs': 'IO.puts("hello")\n' });
    await open(folder, 'alone.exs');
    const found = await provider.resolveDebugConfiguration(undefined, NOTHING);
    assert.equal(found['script'], path.join(folder.uri.fsPath, 'alone.exs'));
    assert.equal(found['projectDir'], folder.uri.fsPath);
  });

  it('takes the project inside the folder where launch.json names none', async () => {
    const folder = await folderWith({ 'backend/mix.exs': 'defmodule B.MixProject do\nend\n' });
    const given = { type: 'elixir', request: 'launch', name: 'x', task: 'test' };
    const found = await provider.resolveDebugConfiguration(folder, given);
    assert.equal(found['projectDir'], path.join(folder.uri.fsPath, 'backend'));
  });

  it('runs a script of a project with the project, unless it installs its own dependencies', async () => {
    const folder = await folderWith({
      'mix.exs': 'defmodule A.MixProject do\nend\n',
      'priv/seeds.exs': 'IO.puts("seeds")\n',
      'alone.exs': 'Mix.install([])\n',
    });
    await open(folder, 'priv/seeds.exs');
    const seeds = await provider.resolveDebugConfiguration(folder, NOTHING);
    assert.equal(seeds['task'], 'run');
    assert.deepEqual(seeds['taskArgs'], [path.join('priv', 'seeds.exs')]);
    await open(folder, 'alone.exs');
    const alone = await provider.resolveDebugConfiguration(folder, NOTHING);
    assert.equal(alone['script'], path.join(folder.uri.fsPath, 'alone.exs'));
  });

  it('does not take configuration files for scripts', async () => {
    const folder = await folderWith({
      'mix.exs': 'defmodule A.MixProject do\nend\n',
      'config/config.exs': 'import Config\n',
    });
    await open(folder, 'config/config.exs');
    const found = await provider.resolveDebugConfiguration(folder, NOTHING);
    assert.deepEqual([found['task'], found['taskArgs'], found['script']], ['run', undefined, undefined]);
  });

  it('keeps "run without debugging"', async () => {
    const folder = await folderWith({ 'mix.exs': 'defmodule A.MixProject do\nend\n' });
    const found = await provider.resolveDebugConfiguration(folder, { ...NOTHING, noDebug: true });
    assert.equal(found['noDebug'], true);
  });

  it('offers every project and its tests with portable paths', async () => {
    const folder = await folderWith({
      'mix.exs': 'defmodule A.MixProject do\n  def cli, do: [default_task: "go"]\nend\n',
      'tools/gen/mix.exs': 'defmodule Gen.MixProject do\n  def project, do: [escript: [main_module: Gen.CLI]]\nend\n',
      'deps/dep/mix.exs': 'defmodule Dep.MixProject do\nend\n',
    });
    const offered = await provider.provideDebugConfigurations(folder);
    assert.deepEqual(
      offered.map(({ name }) => name),
      ['mix', 'mix test', 'mix run -e Gen.CLI.main (tools/gen)', 'mix test (tools/gen)'],
    );
    assert.deepEqual(
      offered.map((configuration) => configuration['projectDir'] as unknown),
      ['${workspaceFolder}', '${workspaceFolder}', '${workspaceFolder}/tools/gen', '${workspaceFolder}/tools/gen'],
    );
  });

  it('hands the settings to the session, and launch.json wins', async () => {
    const section = vscode.workspace.getConfiguration('elixirLS.coordinatedInterpretation');
    await section.update('strategy', 'learning', vscode.ConfigurationTarget.Global);
    await section.update('memoryThreshold', '2GB', vscode.ConfigurationTarget.Global);
    await section.update('fallbackTimeout', '1.5s', vscode.ConfigurationTarget.Global);
    const given = { type: 'elixir', request: 'launch', name: 'x', coordination: { enabled: false } };
    const found = await provider.resolveDebugConfiguration(undefined, given);
    assert.deepEqual(found['coordination'], {
      enabled: false,
      strategy: 'learning',
      scope: 'conservative',
      performanceMonitoring: true,
      memoryThreshold: 2 * 1024 ** 3,
      fallbackTimeout: 1500,
    });
  });

  it('keeps the last good value of a setting that cannot be read, and says so once', async () => {
    const section = vscode.workspace.getConfiguration('elixirLS.coordinatedInterpretation');
    await section.update('memoryThreshold', '50MB', vscode.ConfigurationTarget.Global);
    const threshold = async (): Promise<unknown> => {
      const given = { type: 'elixir', request: 'launch', name: 'x' };
      const found = await provider.resolveDebugConfiguration(undefined, given);
      return (found['coordination'] as Record<string, unknown>)['memoryThreshold'];
    };
    assert.equal(await threshold(), 50 * 1024 ** 2);
    complaints.length = 0;
    await section.update('memoryThreshold', 'plenty', vscode.ConfigurationTarget.Global);
    assert.equal(await threshold(), 50 * 1024 ** 2);
    assert.equal(await threshold(), 50 * 1024 ** 2);
    assert.equal(complaints.length, 1);
    assert.match(complaints[0] ?? '', /memoryThreshold/);
  });
});
