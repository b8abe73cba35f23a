// The debug sessions of this window: folds what adapters tell into models and draws plans from them. It decides nothing about
// order or memory (server/schedule) and ranks nothing (server/strategies).
import { availableParallelism } from 'node:os';
import { STRATEGIES, type Strategy as StrategyName } from '../../protocol/settings';
import {
  COORDINATION_VERSION,
  type Plan,
  type PlannedAction,
  type Refusal,
  type SessionCommand,
  type SessionEvent,
  type SessionState,
} from '../../protocol/coordination';
import type { DependencyGraph } from '../index/graph';
import type { Desk, Peer } from '../pipe/link';
import type { Tokens } from '../pipe/tokens';
import { planActions } from '../schedule/plan';
import { Sizes } from '../schedule/sizes';
import type { PredictionScores } from '../strategies/scoring';
import type { Prediction, Situation, Strategy } from '../strategies/strategy';
import type { WorkspaceMemory } from './memory';
import { begin, reduce, situationOf, unreleasable, type EditorFocus, type SessionModel } from './model';

/** Modules that a demand may name at once: what breakpoints, steps and frames reach is far less. */
const MAX_DEMAND = 64;
/** More predictions than the planner takes, so that prepared ones keep their probability and stay. */
const MAX_PREDICTIONS = 256;
/** Enough for the tenth that was not entered yet to be among them, at the length of a usual session. */
const MAX_SCORED = 64;
/** Predictions of which one counts as a hit in a session's summary. */
const FORESEEN = 5;
/** ms to gather changes of the editor or of the user's decisions before plans are renewed. */
const RENEWAL_DELAY = 50;
/** How much busier, or less busy, a program must be for another number of modules to be worth preparing. */
const BUSIER = 0.25;

/** A session that has not begun. */
const NOWHERE: Situation = {
  session: '',
  breakpoints: [],
  frames: [],
  path: [],
  focused: [],
  edited: [],
  scope: 'transitive',
};

/** Hears of everything, for the metrics. */
export interface Witness {
  began(model: SessionModel): void;
  happened(before: SessionModel, after: SessionModel, event: SessionEvent): void;
  /** `asked`: an adapter waits for it. `predicted`: what the plan rests on. */
  planned(session: string, ms: number, asked: boolean, predicted: readonly Prediction[]): void;
  connected(session: string, connected: boolean): void;
  /** Execution reached a module for the first time. `foreseen`: among the first five predictions of the strategy in use. */
  scored(session: string, foreseen: boolean): void;
  ended(model: SessionModel): void;
  refused(reason: Refusal): void;
}

export interface CoordinatorParts {
  tokens: Tokens;
  graph: () => DependencyGraph;
  strategies: Record<StrategyName, Strategy>;
  scores: PredictionScores;
  memory: WorkspaceMemory;
  witness: Witness;
  /** Hears of folders where sessions have Mix build. */
  buildsNamed: (builds: readonly string[]) => void;
  /** Hears that a session runs code which may be newer than the index: it was compiled at its start, or reloaded. */
  codeChanged: () => void;
  /** Log lines; never the content of a message. */
  log: (message: string) => void;
}

interface Live {
  model: SessionModel;
  peer: Peer | null;
  plans: number;
  actions: readonly PlannedAction[];
  /** Threads on a step in → the module it began in. */
  stepping: Map<number, string>;
  /** What the newest plan rests on; null before the first. */
  situation: Situation | null;
  /** How busy the program was then. */
  busy: number;
  /** Some of its code was loaded, so it is compiled. */
  compiled: boolean;
}

export class Coordinator implements Desk {
  readonly #parts: CoordinatorParts;
  readonly #live = new Map<string, Live>();
  readonly #sizes = new Sizes();
  #focus: EditorFocus = { focused: [], edited: [] };
  #renewal: NodeJS.Timeout | undefined;
  /** As the user last said in this window; null: not said since this process started. */
  #paused: boolean | null = null;

  constructor(parts: CoordinatorParts) {
    this.#parts = parts;
  }

  /** Sessions whose pipe is connected. */
  get connections(): number {
    return [...this.#live.values()].filter(({ peer }) => peer !== null).length;
  }

  /** Whether nothing is prepared in the background. */
  get paused(): boolean {
    return this.#paused === true;
  }

  /** Models of the running sessions, the newest first. */
  running(): SessionModel[] {
    return [...this.#live.values()].map(({ model }) => model).reverse();
  }

  /** The editor's session is over; its adapter may have gone without a farewell. */
  close(session: string): void {
    this.#parts.tokens.revoke(session);
    const live = this.#live.get(session);
    if (live === undefined) return;
    live.peer?.close();
    this.end(live, Date.now());
  }

  accepts(session: string, token: string): boolean {
    return this.#parts.tokens.accepts(session, token);
  }

  greeted(told: SessionState, peer: Peer): void {
    const known = this.#live.get(told.id);
    // An adapter that connects again may be faster than the news that its old pipe broke.
    if (known !== undefined && known.peer !== peer) known.peer?.close();
    const model = begin(told, known?.model);
    for (const [module, { bytes }] of model.prepared) this.#sizes.learn(module, bytes);
    if (told.builds.length > 0) this.#parts.buildsNamed(told.builds);
    this.#live.set(told.id, {
      model,
      peer,
      plans: known?.plans ?? 0,
      actions: [],
      stepping: known?.stepping ?? new Map<number, string>(),
      situation: null,
      busy: model.memory?.busy ?? 0,
      compiled: known?.compiled ?? false,
    });
    if (known === undefined) {
      this.#parts.memory.record({ kind: 'sessionStarted', at: told.startedAt, session: told.id });
      this.#parts.witness.began(model);
    }
    this.#parts.witness.connected(told.id, true);
    // A server that was restarted learns from its sessions what the user said before.
    if (this.#paused === null && told.paused) this.#paused = true;
    if (told.paused !== this.paused) peer.notify('coordination/command', { kind: 'pause', paused: this.paused });
  }

  plan(session: string, events: readonly SessionEvent[]): Plan {
    const live = this.found(session);
    for (const event of events) this.apply(live, event);
    const began = performance.now();
    const { actions, predicted } = this.draw(live);
    live.actions = actions;
    const plan = this.numbered(live);
    this.#parts.witness.planned(session, performance.now() - began, true, predicted);
    return plan;
  }

  events(session: string, events: readonly SessionEvent[]): void {
    const live = this.found(session);
    for (const event of events) {
      this.apply(live, event);
      if (event.kind === 'sessionEnded') {
        this.end(live, event.at);
        return;
      }
    }
  }

  gone(session: string, peer: Peer): void {
    const live = this.#live.get(session);
    if (live?.peer !== peer) return;
    live.peer = null;
    this.#parts.witness.connected(session, false);
  }

  refused(reason: Refusal, message: string): void {
    this.#parts.log(`A message on the pipe was refused (${reason}): ${message}`);
    this.#parts.witness.refused(reason);
  }

  trouble(message: string): void {
    this.#parts.log(message);
  }

  /** Tells all running sessions; answers how many there are. */
  command(command: SessionCommand): number {
    const peers = [...this.#live.values()].flatMap(({ peer }) => (peer === null ? [] : [peer]));
    for (const peer of peers) peer.notify('coordination/command', command);
    return peers.length;
  }

  /** In this window's sessions, also those that start later; answers how many run. */
  pause(paused: boolean): number {
    this.#paused = paused;
    return this.command({ kind: 'pause', paused });
  }

  /** Has the strategies compute what they keep for each revision of the graph, so that no plan waits for it. */
  makeReady(): void {
    const { strategies, graph } = this.#parts;
    strategies.predictive.predict(NOWHERE, graph(), 1);
  }

  focusMoved(focus: EditorFocus): void {
    this.#focus = focus;
    this.renewSoon();
  }

  /** The editor or the user changed what plans rest on. Several changes become one renewal. */
  renewSoon(): void {
    if (this.#live.size === 0 || this.#renewal !== undefined) return;
    this.#renewal = setTimeout(() => {
      this.#renewal = undefined;
      for (const live of this.#live.values()) this.renew(live);
    }, RENEWAL_DELAY);
  }

  dispose(): void {
    clearTimeout(this.#renewal);
    for (const live of this.#live.values()) this.end(live, Date.now());
  }

  private renew(live: Live): void {
    if (live.peer === null) return;
    const began = performance.now();
    const { actions, predicted } = this.draw(live);
    if (sameActions(actions, live.actions)) return;
    live.actions = actions;
    const plan = this.numbered(live);
    this.#parts.witness.planned(live.model.state.id, performance.now() - began, false, predicted);
    live.peer.notify('coordination/renewedPlan', plan);
  }

  private numbered(live: Live): Plan {
    live.plans++;
    const { strategy } = live.model.state.mode;
    return { version: COORDINATION_VERSION, number: live.plans, strategy, actions: [...live.actions] };
  }

  private draw(live: Live): { actions: PlannedAction[]; predicted: Prediction[] } {
    const { model } = live;
    const { mode, paused, engine } = model.state;
    // The traditional engine interprets whole modules by its own patterns.
    if (!mode.enabled || engine === 'traditional') return { actions: [], predicted: [] };
    const { strategies, graph, memory } = this.#parts;
    const never = new Set(memory.neverInterpreted());
    const impossible = new Set(model.failed.keys());
    const refused = new Set([...never, ...impossible]);
    const situation = situationOf(model, this.#focus);
    live.situation = situation;
    live.busy = model.memory?.busy ?? 0;
    // Where nothing is excluded the outcome will be judged by just this prediction.
    const exclude = refused.size === 0 ? undefined : refused;
    const predict = (name: StrategyName, limit: number) => strategies[name].predict(situation, graph(), limit, exclude);
    const demand = predict('demand-driven', MAX_DEMAND);
    const predictions = mode.strategy === 'demand-driven' ? [] : predict(mode.strategy, MAX_PREDICTIONS);
    const actions = planActions(
      { demand, predictions, pinned: new Set(memory.pinned()), never },
      {
        prepared: model.prepared,
        unreleasable: unreleasable(model, model.at),
        impossible,
        lastUsedAt: (module) => model.used.get(module)?.lastUsedAt ?? 0,
        sizeOf: (module) => this.#sizes.of(module),
      },
      {
        memoryThreshold: mode.memoryThreshold,
        cores: availableParallelism(),
        busy: model.memory?.busy ?? null,
        paused,
      },
    );
    return { actions, predicted: mode.strategy === 'demand-driven' ? demand : predictions };
  }

  private found(session: string): Live {
    const live = this.#live.get(session);
    if (live === undefined) throw new Error(`There is no session ${session}.`);
    return live;
  }

  private apply(live: Live, event: SessionEvent): void {
    const before = live.model;
    this.score(live, before, event);
    live.model = reduce(before, event);
    if (event.kind === 'interpreted') this.#sizes.learn(event.module, event.bytes);
    this.remember(live, before, event);
    this.takeNotice(live, event);
    this.#parts.witness.happened(before, live.model, event);
  }

  /** What an adapter does not ask for a plan with, because it cannot know that it matters. */
  private takeNotice(live: Live, event: SessionEvent): void {
    if (event.kind === 'reloaded' || (event.kind === 'modulesLoaded' && !live.compiled)) {
      live.compiled = true;
      this.#parts.codeChanged();
    }
    if (event.kind === 'memory' && Math.abs((event.busy ?? 0) - live.busy) > BUSIER) this.renewSoon();
  }

  /**
   * Judges all strategies by the module that execution reached, whichever of them drew the plan. They are asked now, from
   * what was known at the newest decision: outcomes are few, and the plan itself was not kept waiting.
   */
  private score({ model, situation }: Live, before: SessionModel, event: SessionEvent): void {
    const { scores, strategies, graph, witness } = this.#parts;
    const { id, mode } = model.state;
    if (event.kind === 'released') {
      for (const module of event.modules) {
        const prepared = before.prepared.get(module);
        if (prepared?.trigger === 'plan') scores.released(id, mode.strategy, module, prepared.bytes);
      }
    }
    const reached = reachedBy(event);
    if (reached === undefined || before.used.has(reached) || !mode.enabled) return;
    const from = situation ?? situationOf(before, this.#focus);
    let foreseen = false;
    for (const name of STRATEGIES) {
      const predictions = strategies[name].predict(from, graph(), MAX_SCORED);
      scores.predicted(id, name, predictions);
      if (name !== mode.strategy) continue;
      const open = predictions.filter(({ module }) => !before.used.has(module)).slice(0, FORESEEN);
      foreseen = open.some(({ module }) => module === reached);
    }
    if (scores.entered(id, reached)) witness.scored(id, foreseen);
  }

  /** What the workspace learns from. */
  private remember(live: Live, before: SessionModel, event: SessionEvent): void {
    const { memory } = this.#parts;
    const session = live.model.state.id;
    const { at } = event;
    switch (event.kind) {
      case 'breakpointsSet': {
        const known = before.state.breakpoints.find(({ file }) => file === event.file.file);
        const had = new Set(known?.breakpoints.flatMap(({ modules }) => modules));
        const has = new Set(event.file.breakpoints.flatMap(({ modules }) => modules));
        for (const module of has) if (!had.has(module)) memory.record({ kind: 'breakpoint', at, session, module });
        return;
      }
      case 'steppingInto':
        live.stepping.set(event.thread, event.from.module);
        return;
      case 'stopped': {
        const module = event.frames[0]?.module;
        const from = live.stepping.get(event.thread);
        live.stepping.delete(event.thread);
        if (module === undefined) return;
        const stepped = event.reason === 'step' && from !== undefined && from !== module;
        if (stepped) memory.record({ kind: 'steppedInto', at, session, module });
        if (!before.used.has(module)) memory.record({ kind: 'entered', at, session, module });
        memory.record({ kind: 'stopped', at, session, module });
        return;
      }
      case 'entered':
        if (!before.used.has(event.module)) memory.record({ kind: 'entered', at, session, module: event.module });
        return;
      default:
        return;
    }
  }

  private end(live: Live, at: number): void {
    const { id } = live.model.state;
    if (!this.#live.delete(id)) return;
    if (live.model.ended === null) live.model = reduce(live.model, { kind: 'sessionEnded', at, exitCode: null });
    this.#parts.memory.record({ kind: 'sessionEnded', at, session: id });
    this.#parts.scores.ended(id);
    this.#parts.witness.ended(live.model);
  }
}

/** The module that execution reached, where the event says so. */
function reachedBy(event: SessionEvent): string | undefined {
  if (event.kind === 'entered') return event.module;
  return event.kind === 'stopped' ? event.frames[0]?.module : undefined;
}

/** Whether the adapter would do the same; probabilities that moved a little change nothing for it. */
function sameActions(one: readonly PlannedAction[], other: readonly PlannedAction[]): boolean {
  return (
    one.length === other.length &&
    one.every(({ module, action }, index) => other[index]?.module === module && other[index].action === action)
  );
}
