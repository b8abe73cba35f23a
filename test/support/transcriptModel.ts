// A usage model that learns nothing but keeps the course of events, so that a test sees whether one was lost or came twice.
import type { UsageEvent, UsageModel } from '../../server/history/usage';

export class TranscriptModel implements UsageModel<string[]> {
  private lines: string[] = [];

  apply(event: UsageEvent): void {
    this.lines.push(`${event.at} ${event.session} ${event.kind}${'module' in event ? ` ${event.module}` : ''}`);
  }

  snapshot(): string[] {
    return [...this.lines];
  }

  restore(state: unknown): boolean {
    if (!Array.isArray(state) || !state.every((line) => typeof line === 'string')) return false;
    this.lines = [...state];
    return true;
  }

  forgetBefore(at: number): void {
    this.lines = this.lines.filter((line) => Number(line.split(' ')[0]) >= at);
  }

  reset(): void {
    this.lines = [];
  }

  /** Modules of the events, in order. */
  modules(session?: string): string[] {
    return this.lines
      .map((line) => line.split(' '))
      .filter(([, of]) => session === undefined || of === session)
      .map(([, , , module]) => module ?? '');
  }
}
