// What the real server process tells about debugging, over LSP: dependencies, suggestions, impact, lenses, hovers, actions.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { cp, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { CodeAction, CodeLens, Hover } from 'vscode-languageserver/node';
import {
  ANALYSIS_COMMANDS,
  CLIENT_COMMANDS,
  type BreakpointImpact,
  type DependencyAnalysis,
  type ModuleRequirements,
  type SuggestionsResult,
} from '../../protocol/analysis';
import type { FileBreakpoints } from '../../protocol/coordination';
import { SERVER_PROTOCOL_VERSION } from '../../protocol/server';
import type { ServerSettings } from '../../protocol/settings';
import { within } from '../support/deadline';
import { LspClient } from '../support/lspClient';
import { root } from '../support/paths';
import { PipeClient, sessionState } from '../support/pipeClient';

const SETTINGS: ServerSettings = {
  enabled: true,
  strategy: 'learning',
  scope: 'conservative',
  performanceMonitoring: true,
  memoryThreshold: 100 * 1024 * 1024,
  fallbackTimeout: 2000,
  codeLenses: true,
  historyDays: 90,
  historySize: 5 * 1024 * 1024,
};

describe('the analysis of the coordination server', () => {
  let folder: string;
  let client: LspClient;
  let capabilities: Record<string, unknown>;
  const adapters: PipeClient[] = [];

  before(async () => {
    folder = await realpath(await mkdtemp(path.join(tmpdir(), 'ecd-analysis-')));
    for (const part of ['lib', 'test', 'mix.exs']) {
      await cp(path.join(root, 'demo', 'sample', part), path.join(folder, part), { recursive: true });
    }
    client = await start({ settings: SETTINGS });
  });
  after(async () => {
    client.process.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  });
  afterEach(async () => {
    for (const adapter of adapters.splice(0)) adapter.end();
    await client.request('coordination/closeSession', { session: 'one' });
    await client.notify('coordination/breakpoints', { files: [] });
  });

  async function start(options: { settings?: ServerSettings }): Promise<LspClient> {
    const started = LspClient.start();
    capabilities = await started.initialize(folder, SERVER_PROTOCOL_VERSION, options);
    while (!(await started.request('coordination/health', {})).indexed);
    return started;
  }
  const file = (name: string): string => path.join(folder, ...name.split('/'));
  const uri = (name: string): string => pathToFileURL(file(name)).href;
  /** 1-based. */
  const line = (name: string, text: string): number =>
    readFileSync(file(name), 'utf8')
      .split('\n')
      .findIndex((each) => each.includes(text)) + 1;
  const run = <Result>(command: string, ...given: unknown[]): Promise<Result> =>
    client.connection.sendRequest('workspace/executeCommand', { command, arguments: given });
  const analyse = (given: unknown): Promise<DependencyAnalysis> => run(ANALYSIS_COMMANDS.dependencies, given);
  const suggest = async (given: unknown): Promise<SuggestionsResult['suggestions']> =>
    (await run<SuggestionsResult>(ANALYSIS_COMMANDS.suggestions, given)).suggestions;
  const actions = (name: string, at: number, context: object): Promise<CodeAction[]> =>
    client.connection.sendRequest('textDocument/codeAction', {
      textDocument: { uri: uri(name) },
      range: { start: { line: at - 1, character: 0 }, end: { line: at - 1, character: 0 } },
      context: { diagnostics: [], ...context },
    });
  const hover = (name: string, at: number): Promise<Hover | null> =>
    client.connection.sendRequest('textDocument/hover', {
      textDocument: { uri: uri(name) },
      position: { line: at - 1, character: 2 },
    });
  const lenses = async (name: string): Promise<[number, string | undefined][]> => {
    const found = await client.connection.sendRequest<CodeLens[]>('textDocument/codeLens', {
      textDocument: { uri: uri(name) },
    });
    const resolved = await Promise.all(
      found.map((lens) => client.connection.sendRequest<CodeLens>('codeLens/resolve', lens)),
    );
    return resolved.map(({ range, command }) => [range.start.line + 1, command?.title]);
  };
  const breakpoint = (name: string, at: number, hits: number, ...modules: string[]): FileBreakpoints => ({
    file: file(name),
    breakpoints: [{ line: at, verified: true, conditional: false, modules, hits }],
  });
  async function session(): Promise<PipeClient> {
    const { pipe, token } = await client.request('coordination/openSession', { session: 'one' });
    const adapter = await PipeClient.connect(pipe);
    adapters.push(adapter);
    await adapter.greet(token, sessionState('one', { projectDir: folder }));
    return adapter;
  }

  it('announces nothing that a language server for Elixir does', () => {
    assert.deepEqual(Object.keys(capabilities).sort(), [
      'codeActionProvider',
      'codeLensProvider',
      'executeCommandProvider',
      'hoverProvider',
      'textDocumentSync',
      'workspace',
    ]);
    assert.deepEqual(capabilities['executeCommandProvider'], { commands: Object.values(ANALYSIS_COMMANDS) });
  });

  describe('elixirLS.debugDependencyAnalysis', () => {
    it('says what a module depends on, what it takes, and who says so', async () => {
      const found = await analyse({ module: 'Shop.Pricing', scope: 'minimal' });
      assert.deepEqual(found.target, {
        module: 'Shop.Pricing',
        function: null,
        arity: null,
        file: file('lib/shop/pricing.ex'),
        line: 1,
        own: true,
      });
      assert.equal(found.interpretationScope[0], 'Shop.Pricing');
      for (const module of ['Enum', 'Shop.Discount', 'Shop.Item']) assert.ok(found.directDependencies.includes(module));
      assert.ok(!found.interpretationScope.includes('Enum'), 'foreign code is not of a minimal scope');
      assert.deepEqual(found.transitiveDependencies, []);
      const { metadata } = found;
      assert.equal(metadata.scope, 'minimal');
      assert.equal(metadata.complexity, 'low');
      assert.ok(metadata.estimatedTime > 0 && metadata.estimatedBytes > 0);
      assert.ok(metadata.dependents >= 1, 'Shop.Till depends on it');
      assert.deepEqual(
        metadata.origins.map(({ module }) => module),
        found.directDependencies,
      );
    });

    it('reaches further with the scope', async () => {
      const [minimal, conservative, complete] = await Promise.all(
        ['minimal', 'conservative', 'complete'].map((scope) => analyse({ module: 'Shop.Till', scope })),
      );
      assert.ok(minimal && conservative && complete);
      assert.ok(minimal.interpretationScope.includes('Shop.Pricing'));
      assert.ok(!minimal.interpretationScope.includes('Shop.Discount'));
      assert.ok(conservative.interpretationScope.includes('Shop.Discount'), 'two steps away');
      assert.ok(complete.interpretationScope.includes('Shop.Discount.Shop.Discount.Percent'), 'an implementation');
      assert.ok(complete.transitiveDependencies.includes('Shop.Discount'));
      assert.ok(!complete.transitiveDependencies.includes('Shop.Till'));
    });

    it('includes what is reached through others when it is asked to, and only then', async () => {
      const without = await analyse({ module: 'Shop.Till', scope: 'complete', includeTransitive: false });
      assert.deepEqual(without.transitiveDependencies, []);
      const including = await analyse({ module: 'Shop.Till', scope: 'minimal', includeTransitive: true });
      assert.ok(including.transitiveDependencies.includes('Shop.Discount'));
    });

    it('narrows to a function', async () => {
      const found = await analyse({ module: 'Shop.Pricing', function: 'add_subtotal', arity: 1, scope: 'minimal' });
      assert.deepEqual(found.directDependencies, ['Enum', 'Shop.Item']);
      assert.deepEqual(found.interpretationScope, ['Shop.Pricing', 'Shop.Item']);
      assert.equal(found.target.line, line('lib/shop/pricing.ex', 'defp add_subtotal'));
    });

    it('keeps to modules that match the patterns', async () => {
      const globs = await analyse({ module: 'Shop.Till', scope: 'complete', interpretationPatterns: ['Shop.I*'] });
      assert.deepEqual(globs.interpretationScope, ['Shop.Till', 'Shop.Item']);
      const regular = await analyse({ module: 'Shop.Till', interpretationPatterns: ['^Shop\\.(Item|Pricing)$'] });
      assert.deepEqual([...regular.interpretationScope].sort(), ['Shop.Item', 'Shop.Pricing', 'Shop.Till']);
    });

    const refusals: [string, unknown, RegExp][] = [
      ['no argument', undefined, /The argument must be an object/],
      ['no module', {}, /`module` is missing/],
      ['a module that is no text', { module: 7 }, /`module` must be a string/],
      ['an unknown module', { module: 'Till' }, /no module Till is known.* Did you mean .*Shop\.Till/],
      ['an unknown scope', { module: 'Shop.Till', scope: 'huge' }, /`scope` must be one of "minimal", .*"huge"/],
      ['an unknown function', { module: 'Shop.Till', function: 'nope' }, /`function`: .* has no nope/],
      ['another arity', { module: 'Shop.Till', function: 'scan', arity: 9 }, /`arity`: .* takes 2 parameters, not 9/],
      ['an arity without function', { module: 'Shop.Till', arity: 1 }, /`function` is missing/],
      ['a flag that is none', { module: 'Shop.Till', includeTransitive: 1 }, /`includeTransitive` must be true or/],
      [
        'patterns that are no list',
        { module: 'Shop.Till', interpretationPatterns: 'Shop.*' },
        /`interpretationPatterns`/,
      ],
      [
        'a pattern that is too long',
        { module: 'Shop.Till', interpretationPatterns: ['Shop', 'x'.repeat(100_000)] },
        /`interpretationPatterns\.1` must have at most 512 letters/,
      ],
      [
        'a pattern that cannot be read',
        { module: 'Shop.Till', interpretationPatterns: ['(('] },
        /"\(\(", which is no reg/,
      ],
    ];
    for (const [what, given, message] of refusals) {
      it(`refuses ${what} and names the field`, async () => {
        await assert.rejects(analyse(given), message);
      });
    }
  });

  describe('breakpoint suggestions', () => {
    it('lead to where a failing test raised, its callers after it', async () => {
      const raised = line('lib/shop/pricing.ex', 'div(taxable');
      const failure = [
        '  1) test a receipt (Shop.PricingTest)',
        '     test/shop/pricing_test.exs:10',
        '     ** (ArithmeticError) bad argument in arithmetic expression',
        '     code: Pricing.receipt(items, [])',
        '     stacktrace:',
        '       :erlang.div(:a, 100)',
        `       (shop 0.1.0) lib/shop/pricing.ex:${raised}: Shop.Pricing.add_tax/1`,
        '       (elixir 1.14.0) lib/enum.ex:1658: Enum."-map/2-lists^map/1-0-"/2',
        '       (shop 0.1.0) lib/shop/pricing.ex:11: anonymous fn/1 in Shop.Pricing.receipt/2',
        '       test/shop/pricing_test.exs:14: (test)',
      ].join('\n');
      const [first, second] = await suggest({ failure });
      assert.deepEqual(first, {
        uri: uri('lib/shop/pricing.ex'),
        line: raised,
        module: 'Shop.Pricing',
        function: 'add_tax/1',
        reason: 'The failure was raised here, in add_tax/1.',
        from: 'failure',
        score: 1,
      });
      assert.deepEqual([second?.line, second?.function], [11, 'receipt/2']);
      const places = (await suggest({ failure, limit: 100 })).map((each) => `${each.uri}:${each.line}`);
      assert.ok(places.includes(`${uri('test/shop/pricing_test.exs')}:14`));
      assert.ok(!places.some((place) => place.includes('enum.ex')), 'not in foreign code');
      assert.equal(new Set(places).size, places.length);
    });

    it('lead from a failed assertion to what the test calls', async () => {
      const name = 'test/shop/pricing_test.exs';
      const called = readFileSync(file(name), 'utf8')
        .split('\n')
        .findIndex((each) => /Pricing\.receipt\(/.test(each));
      assert.ok(called > 0);
      const failure = `  1) test totals (Shop.PricingTest)\n     ${name}:${called + 1}: (test)\n`;
      const [first] = await suggest({ failure });
      assert.equal(first?.uri, uri('lib/shop/pricing.ex'));
      assert.equal(first.line, line('lib/shop/pricing.ex', 'def receipt'));
      assert.match(first.reason, /The failing test calls Shop\.Pricing\.receipt\/2/);
    });

    it('come from the graph where nothing else is known, and leave out functions that hold a breakpoint', async () => {
      // The sessions above have taught it something.
      await client.request('coordination/usage', { action: 'erase' });
      const suggested = await suggest({ uri: uri('lib/shop/pricing.ex') });
      const [first] = suggested;
      assert.equal(first?.from, 'graph');
      assert.equal(first.line, line('lib/shop/pricing.ex', 'def receipt'));
      assert.ok(suggested.every((each) => each.uri === uri('lib/shop/pricing.ex')));
      await client.notify('coordination/breakpoints', {
        files: [{ uri: uri('lib/shop/pricing.ex'), lines: [first.line + 2] }],
      });
      assert.ok(!(await suggest({ uri: uri('lib/shop/pricing.ex') })).some((each) => each.line === first.line));
    });

    it('answer the editor too', async () => {
      const { suggestions } = await client.request('coordination/suggestBreakpoints', { uri: null, failure: null });
      assert.ok(suggestions.length > 0);
      assert.ok(suggestions.every(({ uri: where }) => !where.includes('/test/')));
    });

    it('refuse a place that is no file', async () => {
      await assert.rejects(suggest({ uri: 'untitled:x' }), /`uri` must be the URI of a file/);
    });
  });

  it('tells what a breakpoint interprets and costs', async () => {
    const at = line('lib/shop/pricing.ex', 'taxable =');
    const impact = await run<BreakpointImpact>(ANALYSIS_COMMANDS.impact, { uri: uri('lib/shop/pricing.ex'), line: at });
    assert.equal(impact.module, 'Shop.Pricing');
    assert.deepEqual(impact.interpreted, ['Shop.Pricing.add_tax/1']);
    assert.equal(impact.hot, false);
    assert.equal(impact.cost.measured, false);
    const outside = await run<BreakpointImpact>(ANALYSIS_COMMANDS.impact, {
      uri: uri('lib/shop/pricing.ex'),
      line: 2,
    });
    assert.deepEqual([outside.function, outside.interpreted], [null, []]);
    assert.match(outside.notes.join(), /while the module is compiled/);
    const text = 'defmodule Outer do\n  defmodule Inner do\n  end\n\n  @here 1\nend\n\nIO.puts("script")\n';
    const document = { uri: uri('lib/nested.ex'), languageId: 'elixir', version: 1, text };
    await client.notify('textDocument/didOpen', { textDocument: document });
    const modules = [2, 5, 8].map(async (at) => {
      const impact = await run<BreakpointImpact>(ANALYSIS_COMMANDS.impact, { uri: document.uri, line: at });
      return impact.module;
    });
    assert.deepEqual(await Promise.all(modules), ['Outer.Inner', 'Outer', '']);
    await client.notify('textDocument/didClose', { textDocument: { uri: document.uri } });
    await assert.rejects(run(ANALYSIS_COMMANDS.impact, { uri: uri('lib/shop/pricing.ex') }), /`line` is missing/);
  });

  it('calls a breakpoint hot that stops all the time', async () => {
    const adapter = await session();
    const at = line('lib/shop/pricing.ex', 'taxable =');
    await adapter.plan({
      kind: 'breakpointsSet',
      at: 61_000,
      file: breakpoint('lib/shop/pricing.ex', at, 200, 'Shop.Pricing'),
    });
    const impact = await run<BreakpointImpact>(ANALYSIS_COMMANDS.impact, { uri: uri('lib/shop/pricing.ex'), line: at });
    assert.equal(impact.hits, 200);
    assert.equal(impact.hot, true);
    assert.match(impact.notes.join(), /stopped 200 times/);
  });

  it('tells what debugging in a module takes', async () => {
    const found = await run<ModuleRequirements>(ANALYSIS_COMMANDS.requirements, { module: 'Shop.Till' });
    assert.equal(found.state, 'native');
    assert.ok(found.related.some(({ module }) => module === 'Shop.Pricing'));
    assert.deepEqual(found.obstacles, []);
  });

  it('prepares a module in the running sessions, and says when there is none', async () => {
    await assert.rejects(run(ANALYSIS_COMMANDS.prepare, { module: 'Shop.Till' }), /no debug session is running/);
    const adapter = await session();
    assert.deepEqual(await run(ANALYSIS_COMMANDS.prepare, { module: 'Shop.Till' }), { sessions: 1 });
    // The answer to a plan comes after what was sent before it.
    await adapter.plan({ kind: 'continued', at: 2_000, thread: 1 });
    assert.deepEqual(adapter.commands, [{ kind: 'prepare', modules: ['Shop.Till'] }]);
  });

  it('explains why a module is prepared or not', async () => {
    const explain = (module: string) => client.request('coordination/explain', { module });
    assert.deepEqual((await explain('Shop.Till')).reasons, [
      'No debug session is running, so nothing is prepared or interpreted.',
    ]);
    const adapter = await session();
    const at = line('lib/shop/pricing.ex', 'taxable =');
    await adapter.event({
      kind: 'breakpointsSet',
      at: 2_000,
      file: breakpoint('lib/shop/pricing.ex', at, 1, 'Shop.Pricing'),
    });
    await adapter.plan({
      kind: 'interpreted',
      at: 2_001,
      module: 'Shop.Item',
      bytes: 40_960,
      ms: 1.25,
      cached: false,
      cause: 'called by Shop.Pricing',
      trigger: 'plan',
    });
    const [pricing, item] = [await explain('Shop.Pricing'), await explain('Shop.Item')];
    assert.deepEqual([pricing.state, pricing.reasons], ['interpreted', [`It holds a breakpoint, at line ${at}.`]]);
    assert.deepEqual([item.state, item.bytes, item.prepareMs], ['prepared', 40_960, 1.25]);
    assert.deepEqual(item.reasons, ['It is prepared: called by Shop.Pricing.']);
    assert.ok(item.dependents >= 2);
    assert.equal(item.file, file('lib/shop/item.ex'));
  });

  it('shows a lens at functions with breakpoints alone, and refreshes it when a session changes what it says', async () => {
    const name = 'lib/shop/pricing.ex';
    assert.deepEqual(await lenses(name), []);
    const at = line(name, 'taxable =');
    await client.notify('coordination/breakpoints', { files: [{ uri: uri(name), lines: [at] }] });
    assert.deepEqual(await lenses(name), [
      [line(name, 'defp add_tax'), 'interprets add_tax/1 alone · about 1.0 ms, 142 KB'],
    ]);
    const refreshed = within(
      10_000,
      new Promise<void>((resolve) => {
        client.connection.onRequest('workspace/codeLens/refresh', () => {
          resolve();
          return null;
        });
      }),
      () => 'no refresh came',
    );
    const adapter = await session();
    await adapter.event({ kind: 'breakpointsSet', at: 2_000, file: breakpoint(name, at, 2, 'Shop.Pricing') });
    await refreshed;
    assert.match((await lenses(name))[0]?.[1] ?? '', /^interpreted · 2 hits · /);
  });

  it('counts a stop once where two breakpoints of a function meet, and says when none of them is armed', async () => {
    const name = 'lib/shop/pricing.ex';
    const at = line(name, 'taxable =');
    await client.notify('coordination/breakpoints', { files: [{ uri: uri(name), lines: [at] }] });
    const adapter = await session();
    const told = async (verified: boolean): Promise<string> => {
      const one = { line: at, verified, conditional: false, modules: verified ? ['Shop.Pricing'] : [], hits: 3 };
      const file = { ...breakpoint(name, at, 3), breakpoints: [one, { ...one, hits: 2 }] };
      await adapter.event({ kind: 'breakpointsSet', at: 2_000, file });
      return (await lenses(name))[0]?.[1] ?? '';
    };
    assert.match(await told(true), /^interpreted · 3 hits · /);
    assert.match(await told(false), /^not armed · about /);
    const { value } = (await hover(name, at))?.contents as { value: string };
    assert.doesNotMatch(value, /Interpreted because of it/);
  });

  it('hovers on lines with a breakpoint alone', async () => {
    const name = 'lib/shop/pricing.ex';
    const at = line(name, 'taxable =');
    await client.notify('coordination/breakpoints', { files: [{ uri: uri(name), lines: [at] }] });
    assert.equal(await hover(name, at + 1), null);
    const { value } = (await hover(name, at))?.contents as { value: string };
    assert.match(value, /\*\*Breakpoint\*\*/);
    assert.match(value, /`Shop\.Pricing\.add_tax\/1`/);
  });

  it('offers actions when the menu is opened, never by itself', async () => {
    const name = 'lib/shop/pricing.ex';
    assert.deepEqual(await actions(name, 9, { triggerKind: 2 }), []);
    const [suggested, prepare] = await actions(name, 9, { triggerKind: 1 });
    assert.equal(suggested?.command?.command, CLIENT_COMMANDS.setBreakpoint);
    assert.deepEqual(suggested.command.arguments, [uri(name), line(name, 'def receipt')]);
    assert.equal(prepare?.title, 'Prepare Shop.Pricing for debugging');
    assert.match(prepare.disabled?.reason ?? '', /No debug session/);
    await session();
    const [, ready] = await actions(name, 9, { triggerKind: 1 });
    assert.equal(ready?.disabled, undefined);
    assert.deepEqual(ready?.command?.arguments, [{ module: 'Shop.Pricing' }]);
    assert.deepEqual(await actions(name, 9, { triggerKind: 1, only: ['quickfix'] }), []);
  });

  it('offers a foreign client no command that only our extension has, and shows nothing when lenses are off', async () => {
    const foreign = await start({});
    const shown = client;
    client = foreign;
    try {
      const offered = await actions('lib/shop/pricing.ex', 9, { triggerKind: 1 });
      assert.deepEqual(
        offered.map(({ title }) => title),
        ['Prepare Shop.Pricing for debugging'],
      );
    } finally {
      await end(foreign);
      client = shown;
    }
    const quiet = await start({ settings: { ...SETTINGS, codeLenses: false } });
    client = quiet;
    try {
      const at = line('lib/shop/pricing.ex', 'taxable =');
      await client.notify('coordination/breakpoints', { files: [{ uri: uri('lib/shop/pricing.ex'), lines: [at] }] });
      assert.deepEqual(await lenses('lib/shop/pricing.ex'), []);
      assert.equal(await hover('lib/shop/pricing.ex', at), null);
    } finally {
      await end(quiet);
      client = shown;
    }
  });

  async function end(server: LspClient): Promise<void> {
    const exited = once(server.process, 'exit');
    server.process.kill('SIGKILL');
    await exited;
  }
});
