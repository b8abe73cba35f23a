// The debug sessions of ours that run in this window, and what they answer. Starts and ends none.
import * as vscode from 'vscode';
import type { InterpretationStatus, PerformanceMetrics } from '../../protocol/adapter';
import { DEBUG_TYPE } from '../contributions';
import { runs, Trouble } from '../notify';

export class LiveSessions implements vscode.Disposable {
  readonly #running = new Map<string, vscode.DebugSession>();
  readonly #subscriptions: vscode.Disposable[];

  constructor() {
    this.#subscriptions = [
      vscode.debug.onDidStartDebugSession((session) => {
        if (session.type === DEBUG_TYPE) this.#running.set(session.id, session);
      }),
      vscode.debug.onDidTerminateDebugSession(({ id }) => this.#running.delete(id)),
    ];
  }

  dispose(): void {
    vscode.Disposable.from(...this.#subscriptions).dispose();
  }

  all(): vscode.DebugSession[] {
    return [...this.#running.values()];
  }

  /** The one the user looks at, else any; without one the user hears what to do. */
  chosen(): vscode.DebugSession {
    const active = vscode.debug.activeDebugSession;
    const [session] = active?.type === DEBUG_TYPE ? [active] : this.all();
    if (session === undefined) {
      throw new Trouble(
        vscode.l10n.t('No Elixir debug session is running.'),
        runs(vscode.l10n.t('Start Debugging'), 'workbench.action.debug.start'),
      );
    }
    return session;
  }
}

export async function statusOf(session: vscode.DebugSession): Promise<InterpretationStatus> {
  return (await session.customRequest('getInterpretationStatus')) as InterpretationStatus;
}

export async function metricsOf(session: vscode.DebugSession): Promise<PerformanceMetrics> {
  return (await session.customRequest('getPerformanceMetrics')) as PerformanceMetrics;
}
