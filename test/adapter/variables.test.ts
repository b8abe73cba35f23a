// The stack and the values of a stopped process: scoping, names, nesting, pages, texts, scopes.
import assert from 'node:assert/strict';
import { fixture, type Fixture } from '../support/fixture';
import { asRecord, named, sessions } from '../support/session';

const basic = 'lib/constructs/basic.ex';
const scoping = 'lib/constructs/scoping.ex';

describe('the stack', () => {
  const debug = sessions();
  let constructs: Fixture;
  before(async () => (constructs = await fixture('constructs')));

  it('shows interpreted callers with their lines and native callers below', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.nested(1)',
      breakpoints: { [basic]: ['nested', 'inner'] },
    });
    const nested = await session.stop();
    await session.resume(nested);
    const { frames } = await session.stop();
    assert.deepEqual(
      frames.slice(0, 3).map((frame) => [frame.name, session.place(frame)]),
      [
        ['Constructs.Basic.inner/1', 'inner'],
        ['Constructs.Basic.middle/1', 'middle'],
        ['Constructs.Basic.nested/1', 'nested'],
      ],
    );
    assert(frames.length > 3, 'the native callers are there too');
    assert(
      frames.slice(3).some(({ presentationHint }) => presentationHint === 'subtle'),
      'and subtle',
    );
    assert(
      frames.every(({ name }) => !/dbg_|ecd_/.test(name)),
      `none of the debugger's own frames: ${frames.map(({ name }) => name).join(' ')}`,
    );
  });

  it('shows a caller that ran natively, with its line, and says that its values are not available', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.main()',
      breakpoints: { [basic]: ['twice'] },
    });
    const { frames } = await session.stop();
    const caller = frames.find(({ name }) => name === 'Constructs.Basic.main/0');
    assert(caller, frames.map(({ name }) => name).join(' '));
    assert.equal(session.place(caller), 'remote_call');
    const { scopes } = await session.client.request('scopes', { frameId: caller.id });
    const texts = await Promise.all(
      scopes.map(async (scope) =>
        [
          scope.name,
          ...(await session.variables(scope.variablesReference)).map(({ name, value }) => `${name} ${value}`),
        ].join(' '),
      ),
    );
    assert.match(texts.join('\n'), /not available|native/i);
  });

  it('comes in pages and tells the total', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.nested(1)',
      functions: ['Constructs.Basic.nested/1', 'Constructs.Basic.inner/1'],
    });
    await session.resume(await session.stop());
    const stop = await session.stop();
    const page = await session.client.request('stackTrace', { threadId: stop.threadId, startFrame: 1, levels: 1 });
    assert.equal(page.stackFrames.length, 1);
    assert.equal(page.stackFrames[0]?.name, 'Constructs.Basic.middle/1');
    assert.equal(page.totalFrames, stop.frames.length);
  });

  it('serves regenerated code, read-only and labelled, where a frame has no source file', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.through_enum([1])',
      breakpoints: { [basic]: ['enum_sum'] },
      args: { justMyCode: false },
    });
    const stop = await session.step('stepIn', await session.stop());
    assert.match(stop.top.name, /^Enum\.sum/);
    const reference = stop.top.source?.sourceReference ?? 0;
    if (reference === 0) {
      assert(stop.top.source?.path, 'the source is installed here, so it is shown instead');
      return;
    }
    const { content } = await session.client.request('source', {
      ...(stop.top.source === undefined ? {} : { source: stop.top.source }),
      sourceReference: reference,
    });
    assert.match(content, /defmodule Enum|def sum/);
    assert.match(content.split('\n')[0] ?? '', /regenerated|read-only/i);
    assert.match(
      content.split('\n')[stop.top.line - 1] ?? '',
      /sum|reduce|case|\S/,
      'the line of the frame has code on it',
    );
  });
});

describe('locals', () => {
  const debug = sessions();
  let constructs: Fixture;
  before(async () => (constructs = await fixture('constructs')));

  const at = async (run: string, marker: string) => {
    const session = await debug.launch(constructs, { run, breakpoints: { [scoping]: [marker] } });
    return { session, stop: await session.stop() };
  };

  it('are those visible at the line, inside a branch', async () => {
    const { session, stop } = await at('Constructs.Scoping.inner(0)', 'inside_if');
    assert.deepEqual(await session.locals(stop.top), { start: '0', a: '104' });
  });

  it('are those visible at the line, after an inner rebinding', async () => {
    const { session, stop } = await at('Constructs.Scoping.inner(0)', 'after_if');
    assert.deepEqual(await session.locals(stop.top), { start: '0', a: '4' });
  });

  it('are right beyond ten versions', async () => {
    const { session, stop } = await at('Constructs.Scoping.many()', 'many');
    assert.deepEqual(await session.locals(stop.top), { a: '11' });
  });

  it('do not leak out of finished branches', async () => {
    const { session, stop } = await at('Constructs.Scoping.branches(2)', 'after_branches');
    const locals = await session.locals(stop.top);
    assert.deepEqual(
      [locals['n'], locals['result'], locals['x'], locals['other']],
      ['2', '"other 2"', undefined, undefined],
    );
  });

  it('of a branch are those of that branch', async () => {
    const { session, stop } = await at('Constructs.Scoping.branches(2)', 'branch_other');
    const locals = await session.locals(stop.top);
    assert.deepEqual([locals['n'], locals['other'], locals['x']], ['2', '2', '"other 2"']);
  });

  it('of a closure hide and see what Elixir lets them', async () => {
    const { session, stop } = await at('Constructs.Scoping.shadow(2)', 'inside_fn');
    const locals = await session.locals(stop.top);
    assert.deepEqual([locals['x'], locals['y'], locals['z']], ['200', '201', undefined]);
    await session.setBreakpoints(scoping, ['after_fn']);
    await session.resume(stop);
    const after = await session.locals((await session.stop()).top);
    assert.deepEqual([after['x'], after['z'], after['y']], ['2', '201', undefined]);
  });

  it('of a caller are those at its call', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.nested(7)',
      breakpoints: { [basic]: ['nested', 'inner_last'] },
    });
    await session.resume(await session.stop());
    const { frames } = await session.stop();
    assert(frames[0] && frames[2]);
    assert.deepEqual(await session.locals(frames[0]), { n: '7', value: '70' });
    assert.deepEqual(await session.locals(frames[2]), { n: '7' });
  });
});

describe('a closure', () => {
  const debug = sessions();

  it('that interpreted code has made is shown with its function and what it captured', async () => {
    const session = await debug.launch(await fixture('constructs'), {
      run: 'Constructs.Closures.start_again()',
      breakpoints: { 'lib/constructs/closures.ex': ['make', 'made'] },
    });
    await session.resume(await session.stop());
    const stop = await session.stop();
    const fun = await session.local(stop.top, 'fun');
    assert.equal(fun.value, '#Function<anonymous fn/1 in Constructs.Closures.start_again/0>');
    const children = await session.children(fun);
    assert.equal(named(children, 'module').value, 'Constructs.Closures');
    assert.equal(named(children, 'captured').value, '[{"base", 10}]');
  });
});

describe('a value', () => {
  const debug = sessions();
  let constructs: Fixture;
  before(async () => (constructs = await fixture('constructs')));

  const values = async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Scoping.values()',
      breakpoints: { [scoping]: ['values'] },
    });
    const stop = await session.stop();
    return { session, stop, locals: await session.localVariables(stop.top) };
  };

  it('is written as Elixir writes it', async () => {
    const { locals } = await values();
    const texts = asRecord(locals);
    const expected = {
      list: '[1, 2, 3]',
      keyword: '[one: 1, two: 2]',
      tuple: '{:ok, "text", 3.5}',
      text: '"grüße, 世界"',
      binary: '<<0, 255, 1>>',
      bits: '<<5::size(3)>>',
      improper: '[1 | 2]',
      date: '~D[2024-02-29]',
      range: '1..10',
      float: '0.1',
      nothing: 'nil',
    };
    for (const [name, value] of Object.entries(expected)) assert.equal(texts[name], value, name);
    assert.match(texts['pid'] ?? '', /^#PID<\d+\.\d+\.\d+>$/);
    assert.match(texts['set'] ?? '', /^(#MapSet<\[1, 2\]>|MapSet\.new\(\[1, 2\]\))$/);
    assert.match(texts['struct'] ?? '', /^#Constructs\.Square<side: 4, \.\.\.>$/);
  });

  it('has a type', async () => {
    const { locals } = await values();
    for (const [name, type] of [
      ['list', /list/i],
      ['map', /map/i],
      ['keyword', /keyword|list/i],
      ['tuple', /tuple/i],
      ['text', /binary|string/i],
      ['float', /float/i],
      ['pid', /pid/i],
      ['fun', /fun/i],
    ] as const) {
      assert.match(named(locals, name).type ?? '', type, name);
    }
  });

  it('opens level by level', async () => {
    const { session, locals } = await values();
    const map = await session.children(named(locals, 'map'));
    assert.deepEqual(map.map(({ name }) => name.replace(/^:|:$/g, '')).sort(), ['name', 'nested', 'tags']);
    const nested = map.find(({ name }) => /nested/.test(name));
    assert(nested);
    const [deep] = await session.children(nested);
    assert(deep);
    assert.deepEqual(
      (await session.children(deep)).map(({ value }) => value),
      ['1', '2', '3'],
    );
  });

  it('of a struct shows all its fields, also those that inspect hides', async () => {
    const { session, locals } = await values();
    const fields = asRecord(await session.children(named(locals, 'struct')));
    const text = JSON.stringify(fields);
    assert.match(text, /side":"4"/);
    assert.match(text, /secret":":hidden"/);
  });

  it('with many elements comes in pages', async () => {
    const { session, locals } = await values();
    const large = named(locals, 'large');
    assert.equal(large.indexedVariables, 1_000);
    const page = await session.children(large, { filter: 'indexed', start: 500, count: 3 });
    assert.deepEqual(
      page.map(({ value }) => value),
      ['501', '502', '503'],
    );
    assert(large.value.length < 2_000, 'the text of a large value is cut');
  });

  it('names the expression that gives it again', async () => {
    const { session, stop, locals } = await values();
    const map = await session.children(named(locals, 'map'));
    const nested = map.find(({ name }) => /nested/.test(name));
    assert(nested?.evaluateName);
    assert.match(await session.evaluate(nested.evaluateName, stop.top, 'watch'), /deep: \{1, 2, 3\}/);
    const second = (await session.children(named(locals, 'list')))[1];
    assert(second?.evaluateName);
    assert.equal(await session.evaluate(second.evaluateName, stop.top, 'watch'), '2');
  });

  it('goes to the clipboard whole', async () => {
    const { session, stop, locals } = await values();
    assert(named(locals, 'long').value.length < 20_000);
    const whole = await session.evaluate('long', stop.top, 'clipboard');
    assert(whole.includes('0123456789'.repeat(2_000)), `${whole.length} characters`);
  });

  it('cannot be asked for after its process went on', async () => {
    const { session, stop, locals } = await values();
    const reference = named(locals, 'map').variablesReference;
    await session.resume(stop);
    await session.end();
    const refused = await session.client.refused('variables', { variablesReference: reference });
    assert(refused.text.length > 5);
  });

  it('is set where that is possible, or the answer says why not', async () => {
    const session = await debug.launch(constructs, {
      run: 'IO.inspect(Constructs.Basic.loop(1, 5))',
      breakpoints: { [basic]: ['loop'] },
    });
    const stop = await session.stop();
    const scope = await session.scope(stop.top, /^locals?|^variables/i);
    const answer = await session.client.ask<{ value: string }>('setVariable', {
      variablesReference: scope.variablesReference,
      name: 'acc',
      value: '100',
    });
    const expected = answer.success ? '101' : '6';
    if (answer.success) assert.equal(answer.body.value, '100');
    else assert(answer.message);
    await session.resume(stop);
    assert.equal((await session.end()).stdout, `${expected}\n`);
  });
});

describe('scopes', () => {
  const debug = sessions();
  let constructs: Fixture;
  before(async () => (constructs = await fixture('constructs')));

  it('show the arguments, the process and the values of a pipeline', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Flow.pipeline(" ab ")',
      breakpoints: { 'lib/constructs/flow.ex': ['pipe_length'] },
    });
    const stop = await session.stop();
    const names = (await session.scopeNames(stop.top)).join('|');
    assert.match(names, /local|variables/i);
    assert.match(names, /argument/i);
    assert.match(names, /process/i);
    const pipeline = await session.scope(stop.top, /pipeline/i);
    const values = (await session.variables(pipeline.variablesReference)).map(({ value }) => value);
    assert.deepEqual(values, ['"ab"', '"AB"', '"<AB>"']);
  });

  it('show the mailbox, the dictionary, the links and the state of a server, on demand', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Counter.add(3); Constructs.Counter.add(4)',
      breakpoints: { 'lib/constructs/counter.ex': [{ at: 'handle_add', condition: 'n == 4' }] },
    });
    const stop = await session.stop();
    const scope = await session.scope(stop.top, /process/i);
    const entries = await session.variables(scope.variablesReference);
    const names = entries.map(({ name }) => name.toLowerCase()).join('|');
    assert.match(names, /dictionary/);
    assert.match(names, /mailbox|messages/);
    assert.match(names, /links/);
    assert.match(JSON.stringify(asRecord(entries)), /Constructs\.Counter/);
    assert.equal((await session.locals(stop.top))['state'], '3');
  });
});
