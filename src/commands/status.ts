// The interpretation status of the session: its modules, their state and why. A choice leads to the module's explanation.
import * as vscode from 'vscode';
import type { InterpretationStatus } from '../../protocol/adapter';
import { COMMANDS } from '../contributions';
import { statusOf, type LiveSessions } from '../debug/liveSessions';
import { command } from '../notify';
import { milliseconds, size } from '../units';
import { stateName } from './moduleChoice';

type Item = vscode.QuickPickItem & { module?: string };
type Module = InterpretationStatus['modules'][number];

/** The agent's word for functions that are armed alone to see exceptions raised: no code of the user's is slowed by them. */
const EXCEPTIONS = 'exceptions';

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
  const { interpreted, prepared, watched } = grouped(modules);
  return [
    engine === 'traditional' ? vscode.l10n.t('traditional') : enabled ? strategy : vscode.l10n.t('on demand'),
    vscode.l10n.t('{0} interpreted', interpreted.length),
    vscode.l10n.t('{0} prepared', prepared.length),
    ...(watched.length > 0 ? [vscode.l10n.t('{0} watched for exceptions', watched.length)] : []),
    ...(plan !== null && plan.waiting > 0 ? [vscode.l10n.t('{0} waiting', plan.waiting)] : []),
    ...(plan !== null && plan.waiting > 0 && plan.atOnce !== null
      ? [vscode.l10n.t('up to {0} at once', plan.atOnce)]
      : []),
    ...(paused ? [vscode.l10n.t('paused')] : []),
  ].join(', ');
}

function grouped(modules: readonly Module[]): Record<'interpreted' | 'prepared' | 'watched' | 'native', Module[]> {
  const watched = modules.filter(({ reason }) => reason === EXCEPTIONS);
  const of = (state: Module['state']): Module[] =>
    modules.filter((each) => each.state === state && each.reason !== EXCEPTIONS);
  return { interpreted: of('interpreted'), prepared: of('prepared'), native: of('native'), watched };
}

function itemsOf({ modules }: InterpretationStatus): Item[] {
  const { interpreted, prepared, watched, native } = grouped(modules);
  return [
    ...group(stateName('interpreted'), interpreted),
    ...group(stateName('prepared'), prepared),
    ...group(stateName('native'), native),
    ...group(vscode.l10n.t('watched for exceptions'), watched),
  ];
}

function group(label: string, modules: readonly Module[]): Item[] {
  if (modules.length === 0) return [];
  const items = modules.map(({ module, functions, reason, bytes, prepareMs }) => ({
    label: module,
    description: [functions.join(', '), size(bytes), milliseconds(prepareMs)].filter((part) => part !== '').join(' · '),
    detail: reason,
    module,
  }));
  return [{ label, kind: vscode.QuickPickItemKind.Separator }, ...items];
}
