// The interpretation status of the session: its modules, their state and why. A choice leads to the module's explanation.
import * as vscode from 'vscode';
import type { InterpretationStatus } from '../../protocol/adapter';
import { COMMANDS } from '../contributions';
import { statusOf, type LiveSessions } from '../debug/liveSessions';
import { command } from '../notify';
import { milliseconds, size } from '../units';
import { stateName } from './moduleChoice';

type Item = vscode.QuickPickItem & { module?: string };
type State = InterpretationStatus['modules'][number]['state'];

export function registerStatus(sessions: LiveSessions): vscode.Disposable {
  return command(COMMANDS.showStatus, () => show(sessions));
}

async function show(sessions: LiveSessions): Promise<string> {
  const session = sessions.chosen();
  const status = await statusOf(session);
  const said = summary(status);
  // The choice is an offer; whoever calls the command need not wait for it.
  void choose(`${session.name}: ${said}`, itemsOf(status));
  return said;
}

async function choose(title: string, items: Item[]): Promise<void> {
  const placeHolder =
    items.length === 0
      ? vscode.l10n.t('Nothing is prepared or interpreted: the program runs at native speed')
      : vscode.l10n.t('Select a module to read why it is there');
  const picked = await vscode.window.showQuickPick(items, {
    title,
    placeHolder,
    matchOnDescription: true,
    matchOnDetail: true,
  });
  if (picked?.module !== undefined) await vscode.commands.executeCommand(COMMANDS.explainModule, picked.module);
}

function summary({ engine, enabled, strategy, modules, plan, paused }: InterpretationStatus): string {
  const interpreted = modules.filter(({ state }) => state === 'interpreted').length;
  const prepared = modules.filter(({ state }) => state === 'prepared').length;
  return [
    engine === 'traditional' ? vscode.l10n.t('traditional') : enabled ? strategy : vscode.l10n.t('on demand'),
    vscode.l10n.t('{0} interpreted', interpreted),
    vscode.l10n.t('{0} prepared', prepared),
    ...(plan !== null && plan.waiting > 0 ? [vscode.l10n.t('{0} waiting', plan.waiting)] : []),
    ...(paused ? [vscode.l10n.t('paused')] : []),
  ].join(', ');
}

function itemsOf({ modules }: InterpretationStatus): Item[] {
  return (['interpreted', 'prepared', 'native'] as const satisfies State[]).flatMap((state) => {
    const found = modules.filter((each) => each.state === state);
    if (found.length === 0) return [];
    const items = found.map(({ module, functions, reason, bytes, prepareMs }) => ({
      label: module,
      description: [functions.join(', '), size(bytes), milliseconds(prepareMs)]
        .filter((part) => part !== '')
        .join(' · '),
      detail: reason,
      module,
    }));
    return [{ label: stateName(state), kind: vscode.QuickPickItemKind.Separator }, ...items];
  });
}
