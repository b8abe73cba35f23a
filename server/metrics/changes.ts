// What changed since the editor was last told. Counts revisions; holds no figures.
import type { LatencyKind } from '../../protocol/coordination';

export class Changes {
  readonly sessions = new Set<string>();
  readonly modules = new Set<string>();
  readonly latencies = new Set<LatencyKind>();
  readonly history = new Set<string>();
  readonly parts = new Set<'health' | 'cache' | 'prediction' | 'alerts' | 'timeline' | 'workingSet'>();
  /** Grows with every change. */
  revision = 0;
  #base = 0;
  /** Hears of the first change after each `settle`. */
  onChange: () => void = () => undefined;

  /** The revision that the editor has. */
  get base(): number {
    return this.#base;
  }

  get pending(): boolean {
    return this.revision !== this.#base;
  }

  note(change: (changes: this) => void): void {
    change(this);
    this.revision++;
    this.onChange();
  }

  /** The editor has everything now. */
  settle(): void {
    for (const set of [this.sessions, this.modules, this.latencies, this.history, this.parts]) set.clear();
    this.#base = this.revision;
  }
}
