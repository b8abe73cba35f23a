// Line breakpoints: where they stop, what the answer says about them, and how they become verified.
import assert from 'node:assert/strict';
import path from 'node:path';
import { emptyFixture, fixture, fixtureCopy, type Fixture } from '../support/fixture';
import { sessions } from '../support/session';

interface Case {
  what: string;
  run: string;
  file: string;
  markers: string[];
  places: string[];
}

const cases: Case[] = [
  {
    what: 'statements, local, remote and dynamic calls',
    run: 'Constructs.Basic.main()',
    file: 'lib/constructs/basic.ex',
    markers: ['first', 'local_call', 'add', 'add_last', 'remote_call', 'twice', 'twice_last', 'apply', 'print', 'last'],
    places: [
      ...['first', 'local_call', 'add', 'add_last', 'remote_call', 'twice', 'twice_last'],
      ...['apply', 'twice', 'twice_last', 'print', 'last'],
    ],
  },
  {
    what: 'a line with several calls once per pass',
    run: 'Constructs.Basic.several(1); Constructs.Basic.several(2)',
    file: 'lib/constructs/basic.ex',
    markers: ['one_line'],
    places: ['one_line', 'one_line'],
  },
  {
    what: 'a recursive function once per turn',
    run: 'Constructs.Basic.loop(3, 0)',
    file: 'lib/constructs/basic.ex',
    markers: ['loop'],
    places: ['loop', 'loop', 'loop'],
  },
  {
    what: 'the clause that was chosen',
    run: 'Enum.each([0, -1, 7], &Constructs.Basic.multi/1)',
    file: 'lib/constructs/basic.ex',
    markers: ['multi_zero', 'multi_guard', 'multi_other'],
    places: ['multi_zero', 'multi_guard', 'multi_other'],
  },
  {
    what: 'modules that share a file',
    run: 'Constructs.Modules.Second.run()',
    file: 'lib/constructs/modules.ex',
    markers: ['second_run', 'first_run', 'first_step', 'second_sum', 'inner_run'],
    places: ['second_run', 'first_run', 'first_step', 'second_sum', 'inner_run'],
  },
  {
    what: 'every module that a loop made from the same lines',
    run: 'Constructs.Modules.Parent.all()',
    file: 'lib/constructs/modules.ex',
    markers: ['generated_module'],
    places: ['generated_module', 'generated_module', 'generated_module'],
  },
  {
    what: 'protocol implementations, one shared by two types, and the fallback',
    run: 'Constructs.Shapes.main()',
    file: 'lib/constructs/shapes.ex',
    markers: ['square', 'shared_impl', 'any', 'areas'],
    places: ['square', 'shared_impl', 'shared_impl', 'any', 'areas'],
  },
  {
    what: 'a default argument',
    run: 'Constructs.Generated.greet("Ann")',
    file: 'lib/constructs/generated.ex',
    markers: ['default_greeting', 'greet'],
    places: ['default_greeting', 'greet'],
  },
  {
    what: 'functions made by unquote fragments',
    run: 'Constructs.Generated.triple(2); Constructs.Generated.quadruple(2)',
    file: 'lib/constructs/generated.ex',
    markers: ['unquoted'],
    places: ['unquoted', 'unquoted'],
  },
  {
    what: 'a delegate',
    run: 'Constructs.Generated.upcase("a"); Constructs.Generated.double(2)',
    file: 'lib/constructs/generated.ex',
    markers: ['delegate', 'delegate_own'],
    places: ['delegate', 'delegate_own'],
  },
  {
    what: 'an inlined function',
    run: 'Constructs.Generated.calls_inlined(1)',
    file: 'lib/constructs/generated.ex',
    markers: ['inlined'],
    places: ['inlined'],
  },
  {
    what: 'the body of a comprehension once per element',
    run: 'Constructs.Flow.comprehension([1, 2, 3])',
    file: 'lib/constructs/flow.ex',
    markers: ['for_body', 'for_last'],
    places: ['for_body', 'for_last', 'for_body', 'for_last'],
  },
  {
    what: 'each stage of a pipeline',
    run: 'Constructs.Flow.pipeline(" a ")',
    file: 'lib/constructs/flow.ex',
    markers: ['pipe_trim', 'pipe_upcase', 'pipe_decorate', 'decorate', 'pipe_length'],
    places: ['pipe_trim', 'pipe_upcase', 'pipe_decorate', 'decorate', 'pipe_length'],
  },
  {
    what: 'try, rescue, after and receive',
    run: 'Constructs.Flow.rescued("x")',
    file: 'lib/constructs/flow.ex',
    markers: ['try_body', 'rescue_body', 'after_body', 'receive_clause'],
    places: ['try_body', 'rescue_body', 'after_body', 'receive_clause'],
  },
  {
    what: 'catch clauses',
    run: 'Constructs.Flow.thrown(1); Constructs.Flow.thrown(0)',
    file: 'lib/constructs/flow.ex',
    markers: ['throw_line', 'catch_throw', 'catch_exit'],
    places: ['throw_line', 'catch_throw', 'throw_line', 'catch_exit'],
  },
  {
    what: 'the timeout of a receive',
    run: 'Constructs.Flow.timeout()',
    file: 'lib/constructs/flow.ex',
    markers: ['receive_after'],
    places: ['receive_after'],
  },
  {
    what: 'with, its body and its else',
    run: 'Constructs.Flow.with_chain(%{a: 1, b: 2}); Constructs.Flow.with_chain(%{})',
    file: 'lib/constructs/flow.ex',
    markers: ['with_body', 'with_else'],
    places: ['with_body', 'with_else'],
  },
  {
    what: 'cond branches',
    run: 'Constructs.Flow.conditions(200); Constructs.Flow.conditions(50)',
    file: 'lib/constructs/flow.ex',
    markers: ['cond_large', 'cond_medium'],
    places: ['cond_large', 'cond_medium'],
  },
  {
    what: 'the body of a closure',
    run: 'Constructs.Flow.closure(5)',
    file: 'lib/constructs/flow.ex',
    markers: ['closure_zero', 'closure_body', 'closure_calls'],
    places: ['closure_calls', 'closure_zero', 'closure_body'],
  },
  {
    what: 'callbacks of a server that was started before',
    run: 'Constructs.Processes.call_server(); Constructs.Counter.note("ab"); Constructs.Counter.value()',
    file: 'lib/constructs/counter.ex',
    markers: ['handle_add', 'handle_value', 'handle_note'],
    places: ['handle_add', 'handle_value', 'handle_note', 'handle_value'],
  },
  {
    what: 'what a task runs',
    run: 'Constructs.Processes.task()',
    file: 'lib/constructs/processes.ex',
    markers: ['task_start', 'work', 'task_await'],
    // The line that starts the task also holds the closure, which the task runs.
    places: ['task_start', 'task_await', 'task_start', 'work'],
  },
  {
    what: 'a closure made at start-up and the private function it calls',
    run: 'Constructs.Closures.from_agent(1); Constructs.Closures.from_table(2); Constructs.Closures.from_term(3)',
    file: 'lib/constructs/closures.ex',
    markers: ['shift'],
    places: ['shift', 'shift', 'shift'],
  },
  {
    what: 'Erlang source',
    run: ':constructs_erl.main()',
    file: 'src/constructs_erl.erl',
    markers: ['erl_call', 'erl_fold', 'erl_describe', 'erl_big'],
    // The call's line also holds the closure, which runs once for each element.
    places: ['erl_call', 'erl_fold', 'erl_call', 'erl_call', 'erl_call', 'erl_describe', 'erl_big'],
  },
];

describe('a line breakpoint stops at', () => {
  const debug = sessions();
  let constructs: Fixture;
  before(async () => (constructs = await fixture('constructs')));

  for (const { what, run, file, markers, places } of cases) {
    it(what, async () => {
      const session = await debug.launch(constructs, { run, breakpoints: { [file]: markers } });
      for (const [index, breakpoint] of (session.breakpoints[file] ?? []).entries()) {
        assert.equal(breakpoint.verified, true, `${markers[index]} is verified: ${breakpoint.message}`);
        assert.equal(
          breakpoint.line,
          constructs.line(file, markers[index] ?? ''),
          `${markers[index]} stays on its line`,
        );
      }
      const stopped = await session.places();
      // A task and its starter run side by side; which of the two stops first is not ours to say.
      if (what === 'what a task runs') assert.deepEqual(stopped.sort(), [...places].sort());
      else assert.deepEqual(stopped, places);
      assert.equal((await session.end()).exitCode, 0);
    });
  }

  it('every line every time, forty times over', async () => {
    const { run, file, markers, places } = cases[0] as Case;
    const session = await debug.launch(constructs, {
      run: `for _ <- 1..40, do: ${run}`,
      breakpoints: { [file]: markers },
    });
    const stopped = await session.places(1_000);
    for (let round = 0; round < 40; round++) {
      assert.deepEqual(stopped.slice(round * places.length, (round + 1) * places.length), places, `round ${round}`);
    }
    assert.equal(stopped.length, 40 * places.length);
  });

  it('a line of a template compiled into a module', async () => {
    const file = 'templates/page.html.eex';
    const line = constructs.line(file, 'String.capitalize');
    const session = await debug.launch(constructs, { run: 'Constructs.Page.main()', breakpoints: { [file]: [line] } });
    assert.equal(session.breakpoints[file]?.[0]?.verified, true, session.breakpoints[file]?.[0]?.message);
    const stop = await session.stop();
    assert.equal(stop.top.source?.path, constructs.file(file));
    assert.equal(stop.top.line, line);
    assert.equal((await session.locals(stop.top))['item'], '"pen"');
    await session.resume(stop);
    assert.equal((await session.stop()).top.line, line);
  });

  it('the line of `use` in the functions that it made', async () => {
    const file = 'lib/constructs/generated.ex';
    const session = await debug.launch(constructs, {
      run: 'Constructs.Generated.count(1)',
      breakpoints: { [file]: ['use'] },
    });
    const stop = await session.stop();
    assert.equal(stop.at, 'use');
    assert.match(stop.top.name, /count\/1/);
    await session.resume(stop);
    // One pass through the function is one stop, although each of its expressions carries that line.
    assert.equal(await session.stopOrEnd(), undefined);
  });

  it('a derived implementation', async () => {
    const file = 'lib/constructs/shapes.ex';
    const line = constructs.line(file, 'Map.fetch!');
    const session = await debug.launch(constructs, {
      run: 'Constructs.Shapes.main()',
      breakpoints: { [file]: [line, '@derive Constructs.Shape'] },
    });
    const places = await session.places();
    assert.equal(places.length, 1, `the derived area/1 runs once: ${places.join(' ')}`);
  });

  it('nothing of functions that were not asked for', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.main()',
      breakpoints: { 'lib/constructs/flow.ex': ['for_body'] },
    });
    assert.deepEqual(await session.places(), []);
    assert.match((await session.end()).stdout, /main: 1 9 18 36/);
  });
});

describe('the answer to setBreakpoints', () => {
  const debug = sessions();
  let constructs: Fixture;
  before(async () => (constructs = await fixture('constructs')));
  const file = 'lib/constructs/basic.ex';

  it('gives each breakpoint an id, a line and whether it is verified, in the order asked', async () => {
    const session = await debug.launch(constructs, { run: ':ok', breakpoints: { [file]: ['add', 'first', 'twice'] } });
    const answers = session.breakpoints[file] ?? [];
    assert.deepEqual(
      answers.map(({ line }) => line),
      ['add', 'first', 'twice'].map((marker) => constructs.line(file, marker)),
    );
    assert.equal(new Set(answers.map(({ id }) => id)).size, 3, 'ids are distinct');
    assert(answers.every(({ id, verified }) => typeof id === 'number' && verified));
  });

  for (const place of ['attribute', 'comment', 'between', 'literal', 'main_end', 'defmodule Constructs.Other']) {
    it(`moves "${place}" to a line that can stop, or says why it cannot`, async () => {
      const session = await debug.launch(constructs, {
        run: 'Constructs.Basic.main(); Constructs.Basic.literal()',
        breakpoints: { [file]: [place] },
      });
      const [answer] = session.breakpoints[file] ?? [];
      assert(answer);
      if (!answer.verified) {
        assert(answer.message !== undefined && answer.message.length > 10, 'the reason is a sentence');
        assert.deepEqual(await session.places(), []);
        return;
      }
      const stop = await session.stop();
      assert.equal(stop.top.line, answer.line, 'it stops where the answer says');
      assert.deepEqual(stop.body.hitBreakpointIds, [answer.id]);
    });
  }

  it('says why a line past the end cannot stop', async () => {
    const session = await debug.launch(constructs, { run: ':ok', breakpoints: { [file]: [9_999] } });
    const [answer] = session.breakpoints[file] ?? [];
    assert(answer);
    if (answer.verified) assert((answer.line ?? 9_999) < 9_999, 'it moved to a line that exists');
    else assert(answer.message !== undefined && answer.message.length > 10);
  });

  it('says why a file, or what is left of it, has nowhere to stop', async () => {
    const project = emptyFixture('nowhere');
    try {
      const application = 'def application, do: [extra_applications: [:eex]]';
      project.write(
        'mix.exs',
        `defmodule Nowhere.MixProject do\n  use Mix.Project\n  def project, do: [app: :nowhere, version: "0.1.0"]\n  ${application}\nend\n\n`,
      );
      project.write('config/config.exs', 'import Config\n\nconfig :nowhere, answer: 42\n');
      project.write('page.eex', '<%= String.upcase(title) %>\n');
      project.write(
        'lib/page.ex',
        'defmodule Page do\n  require EEx\n  EEx.function_from_file(:def, :render, "page.eex", [:title])\nend\n',
      );
      const session = await debug.launch(project, {
        run: 'IO.puts(Page.render("hello"))',
        breakpoints: { 'config/config.exs': [3], 'mix.exs': [6], 'lib/page.ex': [3], 'page.eex': [1] },
      });
      const stop = await session.stop();
      assert.equal(path.basename(stop.top.source?.path ?? ''), 'page.eex', 'the template itself stops');
      await session.resume(stop);
      await session.end();
      const told = session.client.seen('breakpoint').map(({ breakpoint }) => breakpoint);
      for (const [file, reason] of [
        ['config/config.exs', /configuration, which Elixir evaluates/],
        ['mix.exs', /blank/],
        ['lib/page.ex', /other files/],
      ] as const) {
        const [answered] = session.breakpoints[file] ?? [];
        const last = told.filter(({ id }) => id === answered?.id).at(-1) ?? answered;
        assert.deepEqual([last?.verified, last?.reason], [false, 'failed'], file);
        assert.match(last?.message ?? '', reason);
      }
      await session.close();
    } finally {
      project.remove();
    }
  });

  it('takes line 0 for the first line, and goes on', async () => {
    const session = await debug.launch(constructs, { run: 'Constructs.Basic.main()', breakpoints: { [file]: [0] } });
    assert.equal(session.breakpoints[file]?.[0]?.verified, true);
    assert.equal((await session.setBreakpoints(file, ['print']))[0]?.verified, true);
  });

  for (const [place, name] of [
    ['main_def', 'Constructs.Basic.main/0'],
    ['add_def', 'Constructs.Basic.add/2'],
  ] as const) {
    it(`stops in the function when set on its def line (${name})`, async () => {
      const session = await debug.launch(constructs, {
        run: 'Constructs.Basic.main()',
        breakpoints: { [file]: [place] },
      });
      const stop = await session.stop();
      assert.equal(stop.top.name, name);
      assert.equal(session.breakpoints[file]?.[0]?.verified, true);
    });
  }

  it('names a file that is none of the project', async () => {
    const session = await debug.launch(constructs, { run: ':ok', breakpoints: { 'lib/nowhere.ex': [1] } });
    const [answer] = session.breakpoints['lib/nowhere.ex'] ?? [];
    assert.equal(answer?.verified, false);
    assert(answer.message);
  });

  it('says that a file without code cannot stop', async () => {
    const copy = await fixtureCopy('scripts');
    try {
      copy.write('README.md', '# Read me\n\nsome text\n');
      const session = await debug.launch(copy, {
        args: { script: 'plain.exs' },
        breakpoints: { 'README.md': [3] },
      });
      const [answer] = session.breakpoints['README.md'] ?? [];
      assert.deepEqual(
        { verified: answer?.verified, line: answer?.line, reason: answer?.reason },
        { verified: false, line: 3, reason: 'failed' },
      );
      assert.match(answer?.message ?? '', /README\.md.*no module is compiled from it/);
    } finally {
      copy.remove();
    }
  });

  it('leaves modules with native code as they are, and says which functions cannot stop', async () => {
    const session = await debug.launch(constructs, {
      run: 'before = :crypto.module_info(:md5); IO.puts(Base.encode16(:crypto.hash(:md5, "a"))); IO.inspect(before == :crypto.module_info(:md5))',
      functions: [':crypto.hash/2', ':crypto.strong_rand_bytes_nif/1', ':crypto.hush'],
    });
    const [caller, native, none] = session.functionBreakpoints;
    assert.match(caller?.message ?? '', /:crypto\.hash\/2 cannot stop: .* must run natively/);
    assert.match(native?.message ?? '', /:crypto\.strong_rand_bytes_nif\/1 is native code \(a NIF\)/);
    assert.match(none?.message ?? '', /:crypto has no function hush/);
    assert(session.functionBreakpoints.every(({ verified }) => !verified));
    assert.equal((await session.end()).stdout, '0CC175B9C0F1B6A831C399E269772661\ntrue\n');
  });

  it('warns once where interpreting copies a lot', async () => {
    const session = await debug.launch(constructs, {
      run: 'big = Enum.to_list(1..1_500_000); for list <- [[], big, big], do: Constructs.Basic.multi(list)',
      functions: [{ name: 'Constructs.Basic.multi/1', condition: '1 == 2' }],
    });
    assert.equal((await session.end()).exitCode, 0);
    const warned = session.client.seen('output').filter(({ output }) => /copies some \d+ MB/.test(output));
    assert.equal(warned.length, 1, warned.map(({ output }) => output).join(''));
    assert.match(warned[0]?.output ?? '', /Constructs\.Basic\.multi\/1/);
  });

  it('takes away breakpoints that a later request does not name, and keeps the ids of the others', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.main()',
      breakpoints: { [file]: ['first', 'local_call', 'print'] },
    });
    const stop = await session.stop();
    assert.equal(stop.at, 'first');
    const kept = session.breakpoints[file]?.[2]?.id;
    const [answer] = await session.setBreakpoints(file, ['print']);
    assert.equal(answer?.id, kept);
    await session.resume(stop);
    assert.deepEqual(await session.places(), ['print']);
  });

  it('applies breakpoints set while the program runs', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Processes.ticking()',
      until: 'started',
      exceptions: { filters: [] },
    });
    const processes = 'lib/constructs/processes.ex';
    const [answer] = await session.setBreakpoints(processes, ['tick_count']);
    assert.equal(answer?.verified, true);
    const stop = await session.stop();
    assert.equal(stop.at, 'tick_count');
    assert.deepEqual(stop.body.hitBreakpointIds, [answer.id]);
    await session.setBreakpoints(processes, []);
    await session.resume(stop);
    await session.tell('Constructs.Processes.stop_ticking()');
    assert.match((await session.end()).stdout, /ticking: ended/);
  });

  it('lists the lines that can stop', async () => {
    const session = await debug.launch(constructs, {
      run: 'Constructs.Basic.main()',
      breakpoints: { [file]: ['first'] },
    });
    await session.stop();
    const [from, to] = ['main_def', 'between'].map((marker) => constructs.line(file, marker)) as [number, number];
    const { breakpoints } = await session.client.request('breakpointLocations', {
      source: { path: constructs.file(file) },
      line: from,
      endLine: to,
    });
    const lines = breakpoints.map(({ line }) => line);
    for (const marker of ['first', 'local_call', 'remote_call', 'apply', 'print', 'last']) {
      assert(lines.includes(constructs.line(file, marker)), `${marker} is listed`);
    }
    assert(!lines.includes(constructs.line(file, 'between')), 'a comment is not listed');
    assert(lines.every((line) => line >= from && line <= to));
  });
});

describe('a pending breakpoint', () => {
  const debug = sessions();
  const file = 'lib/constructs/basic.ex';
  let copy: Fixture;
  afterEach(() => copy.remove());

  it('is armed when the project is compiled for the first time', async () => {
    copy = await fixtureCopy('constructs');
    const session = await debug.launch(copy, { run: 'Constructs.Basic.main()', breakpoints: { [file]: ['first'] } });
    const [answer] = session.breakpoints[file] ?? [];
    const stop = await session.stop();
    assert.equal(stop.at, 'first');
    assert.deepEqual(stop.body.hitBreakpointIds, [answer?.id]);
    if (answer?.verified === false) {
      const verified = session.client
        .seen('breakpoint')
        .some(({ breakpoint }) => breakpoint.id === answer.id && breakpoint.verified);
      assert(verified, 'a breakpoint event said that it became verified');
    }
  });

  it('follows its line when the file was changed since it was compiled', async () => {
    copy = await fixtureCopy('constructs', { compiled: true });
    copy.edit(file, 'defmodule Constructs.Basic do', '# one more\n# and another\ndefmodule Constructs.Basic do');
    const session = await debug.launch(copy, {
      run: 'Constructs.Basic.main()',
      breakpoints: { [file]: ['first', 'print'] },
    });
    assert.deepEqual(await session.places(), ['first', 'print']);
  });

  it('stops in code that the compiler runs as soon as it is compiled', async () => {
    copy = await fixtureCopy('constructs');
    // In one file, so that one process compiles the first module and then runs it for the second.
    const macros = 'lib/constructs/macros.ex';
    copy.write(
      macros,
      'defmodule Constructs.Macros do\n  defmacro twice(x), do: helper(x)\n  def helper(x) do\n' +
        '    quote do: unquote(x) * 2 # bp:helper\n  end\nend\n' +
        'defmodule Constructs.UsesMacros do\n  require Constructs.Macros\n' +
        '  def run, do: Constructs.Macros.twice(21) # bp:used\nend\n',
    );
    const session = await debug.launch(copy, {
      run: 'IO.puts("result #{Constructs.UsesMacros.run()}")',
      breakpoints: { [macros]: ['helper', 'used'] },
    });
    assert.deepEqual(await session.places(), ['helper', 'used']);
    assert.match((await session.end()).stdout, /result 42$/m);
  });

  it('becomes verified by an event when its module is compiled into the running program', async () => {
    copy = await fixtureCopy('constructs', { compiled: true });
    copy.write('later.exs', 'defmodule Later do\n  def run(n) do\n    m = n + 1 # bp:later\n    m\n  end\nend\n');
    const session = await debug.launch(copy, {
      run: 'Code.require_file("later.exs"); apply(Later, :run, [1])',
      breakpoints: { 'later.exs': ['later'] },
    });
    const [answer] = session.breakpoints['later.exs'] ?? [];
    assert.equal(answer?.verified, false, 'there is no such module yet');
    assert(answer.message);
    const stop = await session.stop();
    assert.equal(stop.at, 'later');
    const event = await session.client.event(
      'breakpoint',
      ({ breakpoint }) => breakpoint.id === answer.id && breakpoint.verified,
    );
    assert.equal(event.reason, 'changed');
  });
});
