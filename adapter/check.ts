// What a session would find on this machine, for people who wonder why none starts. Starts no program of the user's.
import * as v from 'valibot';
import { CheckArguments, type EnvironmentCheck } from '../protocol/adapter';
import { Failure } from '../protocol/failure';
import { cacheDir } from './beam/cacheDir';
import { ownEnvironment } from './beam/environment';
import type { Log } from './log';
import { prepare } from './start';

/** The same steps as at the start of a session, down to the compiled agent; never fails, it answers why. */
export async function checkEnvironment(request: string, log: Log): Promise<EnvironmentCheck> {
  try {
    const { projectDir, ...args } = v.parse(CheckArguments, JSON.parse(request));
    const nobody = { update: () => undefined };
    const { beam } = await prepare(args, projectDir, true, { log }, nobody, new AbortController().signal);
    if (beam.debuggerDir === null) throw Failure.bug('An Erlang without its debugger was found good.');
    return {
      found: true,
      elixir: beam.elixir,
      erl: beam.erl,
      elixirVersion: beam.elixirVersion,
      otp: beam.otp,
      debuggerDir: beam.debuggerDir,
      cacheDir: cacheDir(ownEnvironment()),
    };
  } catch (thrown) {
    const { blame, code, message, hint } = Failure.from(thrown);
    return { found: false, failure: { blame, code, message, ...(hint === undefined ? {} : { hint }) } };
  }
}
