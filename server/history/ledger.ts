// The plain books of past debugging: how often each module was used, what the user decided, how sessions went. Pure.
import type { SessionSummary } from '../../protocol/metrics';
import type { LedgerState, UsageRecord } from './records';

/** What happened with one module, all sessions together. */
export interface ModuleUsage {
  stops: number;
  /** Times the user stepped into it. */
  steps: number;
  /** Sessions whose interpreted execution reached it. */
  entries: number;
  breakpoints: number;
  /** Milliseconds since the epoch. */
  lastAt: number;
}

type Decision = 'pinned' | 'never';

const COUNTED = { stopped: 'stops', steppedInto: 'steps', entered: 'entries', breakpoint: 'breakpoints' } as const;

export class Ledger {
  private modules = new Map<string, ModuleUsage>();
  /** A withdrawn decision stays for a while as null, so that an older one from another window does not revive it. */
  private decisions = new Map<string, { decision: Decision | null; at: number }>();
  private summaries = new Map<string, SessionSummary>();

  apply(record: UsageRecord): void {
    switch (record.kind) {
      case 'sessionStarted':
      case 'sessionEnded':
        return;
      case 'decision': {
        const known = this.decisions.get(record.module);
        if (known !== undefined && known.at > record.at) return;
        const decision = record.action === 'pin' ? 'pinned' : record.action === 'neverInterpret' ? 'never' : null;
        // Withdrawing the one leaves the other: unpinning a module does not allow its interpretation.
        if (record.action === 'unpin' && known?.decision === 'never') return;
        if (record.action === 'allowInterpret' && known?.decision === 'pinned') return;
        this.decisions.set(record.module, { decision, at: record.at });
        return;
      }
      case 'summary':
        this.summaries.set(record.summary.id, record.summary);
        return;
      default: {
        const usage = this.modules.get(record.module) ?? { stops: 0, steps: 0, entries: 0, breakpoints: 0, lastAt: 0 };
        usage[COUNTED[record.kind]]++;
        usage.lastAt = Math.max(usage.lastAt, record.at);
        this.modules.set(record.module, usage);
      }
    }
  }

  of(module: string): ModuleUsage | undefined {
    return this.modules.get(module);
  }

  /** Most recently used first. */
  used(): [string, ModuleUsage][] {
    return [...this.modules].sort(([a, one], [b, other]) => other.lastAt - one.lastAt || (a < b ? -1 : 1));
  }

  decision(module: string): Decision | null {
    return this.decisions.get(module)?.decision ?? null;
  }

  /** When the newest decision about it was made, or withdrawn; 0 before the first. */
  decidedAt(module: string): number {
    return this.decisions.get(module)?.at ?? 0;
  }

  decided(decision: Decision): string[] {
    return [...this.decisions].flatMap(([module, known]) => (known.decision === decision ? [module] : [])).sort();
  }

  /** Newest first. */
  sessions(): SessionSummary[] {
    return [...this.summaries.values()].sort((a, b) => b.endedAt - a.endedAt || (a.id < b.id ? -1 : 1));
  }

  /** Decisions that hold stay; they are the user's own. */
  forgetBefore(at: number): void {
    for (const [module, { lastAt }] of this.modules) if (lastAt < at) this.modules.delete(module);
    for (const [id, { endedAt }] of this.summaries) if (endedAt < at) this.summaries.delete(id);
    for (const [module, known] of this.decisions) {
      if (known.decision === null && known.at < at) this.decisions.delete(module);
    }
  }

  /** Moments of last use, oldest first: what `forgetBefore` goes by. */
  moments(): number[] {
    const used = [...this.modules.values()].map(({ lastAt }) => lastAt);
    const ended = [...this.summaries.values()].map(({ endedAt }) => endedAt);
    return [...used, ...ended].sort((a, b) => a - b);
  }

  state(): LedgerState {
    return {
      modules: [...this.modules].map(([module, { stops, steps, entries, breakpoints, lastAt }]) => [
        module,
        stops,
        steps,
        entries,
        breakpoints,
        lastAt,
      ]),
      decisions: [...this.decisions].map(([module, { decision, at }]) => [module, decision, at]),
      sessions: [...this.summaries.values()],
    };
  }

  restore({ modules, decisions, sessions }: LedgerState): void {
    this.modules = new Map(
      modules.map(([module, stops, steps, entries, breakpoints, lastAt]) => [
        module,
        { stops, steps, entries, breakpoints, lastAt },
      ]),
    );
    this.decisions = new Map(decisions.map(([module, decision, at]) => [module, { decision, at }]));
    this.summaries = new Map(sessions.map((session) => [session.id, session]));
  }

  /** Forgets everything but what the user decided. */
  reset(): void {
    this.modules.clear();
    this.summaries.clear();
  }
}
