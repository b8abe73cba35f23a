// Projects of more than one application: umbrella, path dependency; modules with megabytes of constants; many modules.
import assert from 'node:assert/strict';
import { emptyFixture, fixture, fixtureCopy, type Fixture } from '../support/fixture';
import { generateProject } from '../support/generateProject';
import { sessions } from '../support/session';

describe('an umbrella', () => {
  const debug = sessions();
  let umbrella: Fixture;
  before(async () => (umbrella = await fixture('umbrella')));

  it('stops in each of its applications', async () => {
    const session = await debug.launch(umbrella, {
      run: 'Web.main()',
      breakpoints: {
        'apps/web/lib/web.ex': ['show'],
        'apps/billing/lib/billing.ex': ['invoice'],
        'apps/core/lib/core.ex': ['price'],
      },
    });
    assert.deepEqual(await session.places(), ['invoice', 'price', 'show']);
    assert.match((await session.end()).stdout, /Invoice: 4\.25 EUR/);
  });

  it('is stepped through from application to application', async () => {
    const session = await debug.launch(umbrella, {
      run: 'Web.main()',
      breakpoints: { 'apps/web/lib/web.ex': ['call_billing'] },
    });
    const billing = await session.step('stepIn', await session.stop());
    assert.equal(billing.at, 'invoice');
    const core = await session.step('stepIn', await session.step('next', billing));
    assert.equal(core.at, 'price');
    assert.match((await session.step('stepOut', core)).at, /^(call_core|invoice_last)$/);
  });

  it('tests stop in every application', async () => {
    const session = await debug.launch(umbrella, {
      args: { task: 'test', env: { MIX_ENV: 'test' } },
      breakpoints: { 'apps/core/test/core_test.exs': ['core_test'], 'apps/web/test/web_test.exs': ['web_test'] },
    });
    // The line of the second test also holds a closure, which runs on its own.
    assert.deepEqual(await session.places(), ['core_test', 'web_test', 'web_test']);
    assert.equal((await session.end()).exitCode, 0);
  });

  it('that was moved after it was compiled stops, and its frames name the files of today', async () => {
    const copy = (await fixtureCopy('umbrella', { compiled: true })).moved('renamed');
    try {
      const session = await debug.launch(copy, {
        run: 'Web.main()',
        breakpoints: { 'apps/core/lib/core.ex': ['price'] },
      });
      const stop = await session.stop();
      assert.equal(stop.at, 'price');
      assert.equal(stop.top.source?.path, copy.file('apps/core/lib/core.ex'));
    } finally {
      copy.remove();
    }
  });

  it('that was copied with its build stops, and its frames name the files of the copy', async () => {
    const first = await fixtureCopy('umbrella', { compiled: true });
    try {
      const plain = await first.copied('plain').mix(['run', '-e', 'Web.main()']);
      const copy = first.copied('copy');
      const session = await debug.launch(copy, {
        run: 'Web.main()',
        breakpoints: { 'apps/core/lib/core.ex': ['price'] },
      });
      const stop = await session.stop();
      assert.equal(stop.at, 'price');
      assert.equal(stop.top.source?.path, copy.file('apps/core/lib/core.ex'));
      await session.resume(stop);
      // Newer Mix compiles a project again that was moved; the session does no more than that.
      assert.equal(/Compiling/.test((await session.end()).stdout), /Compiling/.test(plain));
    } finally {
      first.remove();
    }
  });

  it('compiled for the first time under the debugger stops', async () => {
    const copy = await fixtureCopy('umbrella');
    try {
      const session = await debug.launch(copy, {
        run: 'Web.main()',
        breakpoints: { 'apps/core/lib/core.ex': ['price'] },
      });
      assert.deepEqual(await session.places(), ['price']);
    } finally {
      copy.remove();
    }
  });
});

describe('a path dependency', () => {
  const debug = sessions();

  it('is own code: it stops, is entered, and calls back', async () => {
    const project = await fixture('with_dependency', 'library');
    const session = await debug.launch(project, {
      run: 'WithDependency.main()',
      breakpoints: { 'lib/with_dependency.ex': ['call_library'], '../library/lib/library.ex': ['library_calls_back'] },
    });
    const stop = await session.stop();
    assert.equal(stop.at, 'call_library');
    const inside = await session.step('stepIn', stop);
    assert.equal(inside.top.name, 'Library.each_doubled/2');
    await session.resume(inside);
    const back = await session.stop();
    assert.equal(back.top.name, 'Library.each_doubled/2');
    const callback = await session.step('stepIn', back);
    assert.equal(callback.at, 'callback');
    assert.equal((await session.locals(callback.top))['n'], '2');
  });

  it('that other programs compile, as newer Mix has it done, stops where the compiler calls it', async () => {
    const project = await fixtureCopy('with_dependency', { also: ['library', 'literals'] });
    try {
      // Only where there is more than one Mix divides them among programs.
      project.edit('mix.exs', 'deps: [', 'deps: [{:literals, path: "../literals"}, ');
      project.edit(
        'lib/with_dependency.ex',
        'def main',
        '@early Library.each_doubled([3], & &1)\n  def early, do: @early\n\n  def main',
      );
      const session = await debug.launch(project, {
        run: 'IO.inspect(WithDependency.early())',
        breakpoints: { '../library/lib/library.ex': ['library_calls_back'] },
        args: { env: { MIX_OS_DEPS_COMPILE_PARTITION_COUNT: '2' } },
      });
      const stop = await session.stop();
      assert.equal((await session.locals(stop.top))['doubled'], '[6]');
      await session.resume(stop);
      assert.match((await session.end()).stdout, /^\[6\]$/m);
    } finally {
      project.remove();
    }
  });
});

describe('a module with megabytes of constants', () => {
  const debug = sessions();

  it('stops and stays small', async () => {
    const literals = await fixture('literals');
    const session = await debug.launch(literals, {
      run: 'Literals.main()',
      breakpoints: { 'lib/literals.ex': ['size', 'square'] },
    });
    const stop = await session.stop();
    assert.equal(stop.at, 'size');
    const { modules } = await session.client.custom<{ modules: { module: string; bytes: number }[] }>(
      'getInterpretationStatus',
      {},
    );
    const bytes = modules.find(({ module }) => module === 'Literals')?.bytes ?? 0;
    // Unfolded, the rows take 50 to 90 times the constants.
    assert(bytes > 0 && bytes < 40 * 1024 * 1024, `${bytes} bytes of rows`);
    await session.resume(stop);
    const square = await session.stop();
    assert.deepEqual(await session.locals(square.top), { size: '4194304', rows: '20000' });
    await session.resume(square);
    assert.match((await session.end()).stdout, /literals: 4194304 20000 144/);
  });
});

describe('a project of many modules', () => {
  const debug = sessions();

  it('stops and steps through modules that nobody named', async () => {
    const project = emptyFixture('generated');
    try {
      generateProject(project.dir, { modules: 60 });
      await project.mix(['compile']);
      const session = await debug.launch(project, {
        run: 'IO.puts(Generated.main())',
        breakpoints: { 'lib/m0.ex': ['work'] },
      });
      const stop = await session.stop();
      assert.match(stop.top.name, /^Generated\.M0\.work\/1/);
      const inside = await session.step('stepIn', await session.step('next', stop));
      assert.match(inside.top.name, /^Generated\.M\d+\./);
      const { modules } = await session.client.custom<{ modules: { state: string }[] }>('getInterpretationStatus', {});
      assert(modules.filter(({ state }) => state === 'interpreted').length < 5, 'only what was entered is interpreted');
      await session.resume(inside);
      assert.equal((await session.end()).exitCode, 0);
    } finally {
      project.remove();
    }
  });
});
