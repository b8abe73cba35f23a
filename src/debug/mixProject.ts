// What a mix.exs says about how its project is run, from its text. Pure; mix itself would have to run the file.

export interface MixFacts {
  umbrella: boolean;
  /** Declares a task that plain `mix` runs. */
  defaultTask: boolean;
  /** Starts a supervision tree. */
  application: boolean;
  /** Module with `main/1`, when the project makes an escript. */
  escript: string | undefined;
}

export function mixFacts(text: string): MixFacts {
  const code = text.replace(/^\s*#.*$/gm, '');
  return {
    umbrella: /\bapps_path:/.test(code),
    defaultTask: /\bdefault_task:/.test(code),
    application: /\bmod:\s*\{/.test(code),
    escript: /\bmain_module:\s*([\p{Lu}][\p{L}\p{N}_.]*)/u.exec(code)?.[1],
  };
}

/** The part of a launch configuration that says what to run. */
export interface Run {
  task?: string;
  taskArgs?: string[];
  exitAfterTaskReturns?: boolean;
}

/** How a person would start this project: its server, its own task, its application, its main, else its tests. */
export function runOf(facts: MixFacts, found: { endpoint: boolean; tests: boolean }): { name: string; run: Run } {
  if (found.endpoint) return { name: 'mix phx.server', run: { task: 'phx.server', exitAfterTaskReturns: false } };
  if (facts.defaultTask) return { name: 'mix', run: {} };
  if (facts.application || facts.umbrella) {
    return { name: 'mix run --no-halt', run: { task: 'run', taskArgs: ['--no-halt'], exitAfterTaskReturns: false } };
  }
  if (facts.escript !== undefined) {
    const call = `${facts.escript}.main(System.argv())`;
    return { name: `mix run -e ${facts.escript}.main`, run: { task: 'run', taskArgs: ['-e', call] } };
  }
  if (found.tests) return { name: 'mix test', run: { task: 'test' } };
  return { name: 'mix run', run: { task: 'run' } };
}
