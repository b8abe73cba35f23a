// What is read from a mix.exs without running it.
import assert from 'node:assert/strict';
import { mixFacts, runOf } from '../../src/debug/mixProject';

describe('mixFacts', () => {
  it('sees what decides how a project is run', () => {
    const text = `
      def project, do: [apps_path: "apps", escript: [main_module: My.CLI]]
      def cli, do: [default_task: "go"]
      def application, do: [mod: {My.Application, []}]`;
    assert.deepEqual(mixFacts(text), { umbrella: true, defaultTask: true, application: true, escript: 'My.CLI' });
  });

  it('does not read comments', () => {
    const text = '  # mod: {My.Application, []}, apps_path: "apps"\n  def project, do: []';
    assert.deepEqual(mixFacts(text), { umbrella: false, defaultTask: false, application: false, escript: undefined });
  });

  it('makes something of an empty file', () => {
    assert.equal(runOf(mixFacts(''), { endpoint: false, tests: false }).name, 'mix run');
  });
});
