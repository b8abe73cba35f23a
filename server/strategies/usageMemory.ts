// What debugging in this workspace taught: past sessions as the modules they entered, in order, and how far each expert of
// the strategy "learning" is to be trusted. A fold over usage events; it predicts nothing and writes no file.
import * as v from 'valibot';
import type { UsageEvent, UsageModel } from '../history/usage';
import { ExpertWeights, type Likelihoods, type Expert, EXPERTS } from './expertWeights';

const VERSION = 1;
/** Older sessions are forgotten: by then each counts a seventh of a new one, and a prediction looks at all of them. */
const MAX_SESSIONS = 1000;
/** Modules of one session that are remembered. */
const MAX_PATH = 256;
/** Each session counts this much of the next one: half after 346 sessions. */
const DECAY = 0.998;

export interface PastSession {
  /** Modules by their numbers, in the order in which they were first entered, stopped in or stepped into. */
  readonly path: readonly number[];
  readonly breakpoints: readonly number[];
}

interface Session extends PastSession {
  /** null once it has ended. */
  id: string | null;
  /** Milliseconds since the epoch, of the last event. */
  at: number;
  path: number[];
  breakpoints: number[];
}

const index = v.pipe(v.number(), v.integer(), v.minValue(0));

const State = v.object({
  version: v.literal(VERSION),
  modules: v.array(v.string()),
  /** Oldest first: time of the last event, path, breakpoints, and the id of one that has not ended. */
  sessions: v.array(v.tuple([v.number(), v.array(index), v.array(index), v.nullable(v.string())])),
  weights: v.object(v.entriesFromList(EXPERTS, v.pipe(v.number(), v.minValue(0), v.maxValue(1)))),
});
export type UsageState = v.InferOutput<typeof State>;

export class UsageMemory implements UsageModel<UsageState> {
  #names: string[] = [];
  #numbers = new Map<string, number>();
  #sessions: Session[] = [];
  readonly #weights = new ExpertWeights();
  /** Session → what each expert gave the module that comes next; until it comes. */
  readonly #awaited = new Map<string, (module: string) => Likelihoods>();

  apply(event: UsageEvent): void {
    const session = this.session(event);
    session.at = Math.max(session.at, event.at);
    switch (event.kind) {
      case 'sessionStarted':
        return;
      case 'breakpoint':
        append(session.breakpoints, this.numberOf(event.module));
        return;
      case 'stopped':
      case 'steppedInto':
      case 'entered':
        if (append(session.path, this.numberOf(event.module))) this.learn(event.session, event.module);
        return;
      case 'sessionEnded':
        session.id = null;
        this.#awaited.delete(event.session);
    }
  }

  /** Tells how likely each expert held the modules, so that the next one that `session` enters can judge them. */
  await(session: string, likelihoods: (module: string) => Likelihoods): void {
    this.#awaited.set(session, likelihoods);
  }

  weight(expert: Expert): number {
    return this.#weights.of(expert);
  }

  /** Past and running sessions but `except`, each with what it still counts, 0..1. */
  *sessions(except: string): Generator<[PastSession, number]> {
    for (let age = 0; age < this.#sessions.length; age++) {
      const session = this.#sessions[this.#sessions.length - 1 - age];
      if (session !== undefined && session.id !== except && session.path.length > 0) yield [session, DECAY ** age];
    }
  }

  /** undefined for a module that no session knows. */
  find(module: string): number | undefined {
    return this.#numbers.get(module);
  }

  /** Numbers are below it. */
  get size(): number {
    return this.#names.length;
  }

  name(number: number): string {
    return this.#names[number] ?? '';
  }

  snapshot(): UsageState {
    const modules: string[] = [];
    const renumbered = new Map<number, number>();
    const renumber = (number: number): number => {
      const known = renumbered.get(number);
      if (known !== undefined) return known;
      modules.push(this.name(number));
      renumbered.set(number, modules.length - 1);
      return modules.length - 1;
    };
    const sessions = this.#sessions.map(({ at, path, breakpoints, id }): UsageState['sessions'][number] => [
      at,
      path.map(renumber),
      breakpoints.map(renumber),
      id,
    ]);
    return { version: VERSION, modules, sessions, weights: this.#weights.snapshot() };
  }

  restore(state: unknown): boolean {
    const parsed = v.safeParse(State, state);
    if (!parsed.success) return false;
    const { modules, sessions, weights } = parsed.output;
    const known = (number: number): boolean => number < modules.length;
    if (new Set(modules).size !== modules.length) return false;
    if (!sessions.every(([, path, breakpoints]) => path.every(known) && breakpoints.every(known))) return false;
    this.#names = [...modules];
    this.#numbers = new Map(modules.map((name, number) => [name, number]));
    this.#sessions = sessions
      .slice(-MAX_SESSIONS)
      .map(([at, path, breakpoints, id]) => ({ at, path: [...path], breakpoints: [...breakpoints], id }));
    this.#weights.restore(weights);
    this.#awaited.clear();
    return true;
  }

  /** Whole sessions whose last event is older; the experts' weights hold no times and stay. */
  forgetBefore(at: number): void {
    this.#sessions = this.#sessions.filter((session) => session.at >= at);
  }

  reset(): void {
    this.#names = [];
    this.#numbers.clear();
    this.#sessions = [];
    this.#weights.reset();
    this.#awaited.clear();
  }

  private learn(session: string, module: string): void {
    const likelihoods = this.#awaited.get(session);
    if (likelihoods === undefined) return;
    this.#awaited.delete(session);
    this.#weights.learn(likelihoods(module));
  }

  /** The running session, or a new one: the journal of an earlier window may begin in the middle. */
  private session({ session: id, at }: UsageEvent): Session {
    const running = this.#sessions.findLast((session) => session.id === id);
    if (running !== undefined) return running;
    const started: Session = { id, at, path: [], breakpoints: [] };
    this.#sessions.push(started);
    if (this.#sessions.length > MAX_SESSIONS) this.#sessions.shift();
    return started;
  }

  private numberOf(module: string): number {
    const known = this.#numbers.get(module);
    if (known !== undefined) return known;
    this.#names.push(module);
    this.#numbers.set(module, this.#names.length - 1);
    return this.#names.length - 1;
  }
}

/** Whether it was new. */
function append(list: number[], number: number): boolean {
  if (list.length >= MAX_PATH || list.includes(number)) return false;
  list.push(number);
  return true;
}
