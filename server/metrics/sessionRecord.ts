// What is counted in one session, and how it reads: running for the dashboard, ended for the history.
import type { SessionEvent } from '../../protocol/coordination';
import type { SessionMetrics, SessionSummary } from '../../protocol/metrics';
import { interpretedModules, preparedBytes, type SessionModel } from '../sessions/model';
import { Latencies } from './latencies';

export class SessionRecord {
  readonly #clickToArmed = new Latencies();
  readonly #steps = new Latencies();
  readonly #prepared = new Set<string>();
  stops = 0;
  steps = 0;
  hits = 0;
  misses = 0;
  /** Entries into modules that a plan had prepared. */
  covered = 0;
  plans = 0;
  /** Questions what to prepare that were answered in time, as far as the adapter has told. */
  asked = 0;
  /** Those of them that came over the present connection. */
  #askedHere = 0;
  fallbacks = 0;
  planningMs = 0;
  peakBytes = 0;
  firstBeamBytes: number | null = null;
  outcomes = 0;
  /** Outcomes among the first five predictions of the strategy then in use. */
  foreseen = 0;

  #connected = true;

  constructor(public model: SessionModel) {
    this.follow(model);
  }

  get connected(): boolean {
    return this.#connected;
  }

  set connected(connected: boolean) {
    this.#connected = connected;
    this.#askedHere = 0;
  }

  happened(before: SessionModel, after: SessionModel, event: SessionEvent): void {
    switch (event.kind) {
      case 'stopped':
        this.stops += event.times ?? 1;
        if (event.reason === 'step') this.steps += event.times ?? 1;
        break;
      case 'entered': {
        const times = event.times ?? 1;
        if (event.ready) this.hits += times;
        else this.misses += times;
        if (event.ready && before.prepared.get(event.module)?.trigger === 'plan') this.covered += times;
        break;
      }
      case 'memory':
        this.firstBeamBytes ??= event.beamBytes;
        break;
      case 'latency':
        for (const ms of [event.ms, ...(event.more ?? [])]) {
          if (event.of === 'clickToArmed') this.#clickToArmed.record(ms);
          if (event.of === 'step') this.#steps.record(ms);
        }
        break;
      case 'fallback':
        this.fallbacks++;
        // A question that was answered too late is one decision, not two.
        if (event.why === 'late' && this.#askedHere > 0) {
          this.#askedHere--;
          this.asked--;
        }
        break;
      default:
        break;
    }
    this.follow(after);
  }

  scored(foreseen: boolean): void {
    this.outcomes++;
    if (foreseen) this.foreseen++;
  }

  planned(ms: number, asked: boolean): void {
    this.plans++;
    if (asked) {
      this.asked++;
      this.#askedHere++;
    }
    this.planningMs += ms;
  }

  /** Decisions taken with a plan and without one. */
  get decisions(): number {
    return this.asked + this.fallbacks;
  }

  get fallbackRate(): number | null {
    return this.decisions === 0 ? null : this.fallbacks / this.decisions;
  }

  /** `now`: milliseconds since the epoch, for a session that still runs. */
  metrics(now: number): SessionMetrics {
    const { state, ended, memory } = this.model;
    const endedAt = ended?.at ?? null;
    // Clocks are set back now and then.
    const lasted = Math.max(0, (endedAt ?? now) - state.startedAt);
    return {
      id: state.id,
      name: state.name,
      projectDir: state.projectDir,
      running: ended === null,
      connected: this.connected && ended === null,
      engine: state.engine,
      enabled: state.mode.enabled,
      strategy: state.mode.strategy,
      paused: state.paused,
      startedAt: state.startedAt,
      endedAt,
      otp: state.otp,
      elixir: state.elixir,
      stops: this.stops,
      steps: this.steps,
      preparedModules: this.model.prepared.size,
      interpretedModules: interpretedModules(this.model).size,
      preparedBytes: preparedBytes(this.model),
      memoryThreshold: state.mode.memoryThreshold,
      beamBytes: memory?.beamBytes ?? null,
      busy: memory?.busy ?? null,
      plans: this.plans,
      decisions: this.decisions,
      fallbacks: this.fallbacks,
      overhead: lasted > 0 ? Math.min(1, this.planningMs / lasted) : null,
      stoppedIn: state.stopped[0]?.frames.find(({ own }) => own)?.module ?? null,
      breakpoints: state.breakpoints.flatMap(({ file, breakpoints }) =>
        breakpoints.map(({ line, verified, hits, modules }) => ({ file, line, verified, hits, modules })),
      ),
    };
  }

  summary(endedAt: number): SessionSummary {
    const { state, used } = this.model;
    const entries = this.hits + this.misses;
    return {
      id: state.id,
      name: state.name,
      startedAt: state.startedAt,
      endedAt,
      strategy: state.mode.strategy,
      stops: this.stops,
      steps: this.steps,
      modulesUsed: [...used.keys()],
      preparedModules: this.#prepared.size,
      peakPreparedBytes: this.peakBytes,
      hitRate: entries === 0 ? null : this.hits / entries,
      hit5: this.outcomes === 0 ? null : this.foreseen / this.outcomes,
      fallbackRate: this.fallbackRate,
      clickToArmedP50: this.#clickToArmed.percentile(0.5),
      stepP50: this.#steps.percentile(0.5),
    };
  }

  private follow(model: SessionModel): void {
    if (model.prepared !== this.model.prepared || this.#prepared.size === 0) {
      for (const module of model.prepared.keys()) this.#prepared.add(module);
      this.peakBytes = Math.max(this.peakBytes, preparedBytes(model));
    }
    this.model = model;
  }
}
