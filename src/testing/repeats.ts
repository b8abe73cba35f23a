// Tests that run several times under one name in one run, as ExUnit's parameters make them: what failed once has failed.
// Pure; knows no editor.

export class Repeats<Test, Message> {
  readonly #messages = new Map<Test, Message[]>();

  /** What the test has to say now, with what it had to say before. */
  failed(test: Test, messages: readonly Message[]): Message[] {
    const all = [...(this.#messages.get(test) ?? []), ...messages];
    this.#messages.set(test, all);
    return all;
  }

  hasFailed(test: Test): boolean {
    return this.#messages.has(test);
  }
}
