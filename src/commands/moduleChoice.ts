// Which modules a command is about: those it was given, or those the user picks, the one at the cursor first. Does nothing to them.
import * as vscode from 'vscode';
import * as v from 'valibot';
import type { ModuleRow } from '../../protocol/metrics';
import type { Server } from '../client';
import { LANGUAGES } from '../contributions';
import { Trouble } from '../notify';

/** A name alone, or what a view or a lens knows of the module. */
const Given = v.union([v.pipe(v.string(), v.nonEmpty()), v.object({ module: v.pipe(v.string(), v.nonEmpty()) })]);

interface Item extends vscode.QuickPickItem {
  module?: string;
}

export interface Wish {
  title: string;
  placeHolder: string;
  /** Of the modules that a running session holds or the user decided about. */
  held?: (row: ModuleRow) => boolean;
  /** Of all other modules of the project. */
  others: boolean;
  /** Said when there is nothing to pick from. */
  none: string;
}

/** undefined: the user thought better of it. */
export async function chooseModules(
  given: unknown,
  wish: Wish,
  server: Pick<Server, 'request'>,
): Promise<string[] | undefined> {
  const known = v.safeParse(Given, given);
  if (known.success) return [typeof known.output === 'string' ? known.output : known.output.module];
  const items = await itemsFor(wish, server);
  if (items.length === 0) throw new Trouble(wish.none);
  const picked = await vscode.window.showQuickPick(items, {
    title: wish.title,
    placeHolder: wish.placeHolder,
    canPickMany: true,
    matchOnDescription: true,
  });
  if (picked === undefined || picked.length === 0) return undefined;
  return picked.flatMap(({ module }) => module ?? []);
}

/** The same for one module. */
export async function chooseModule(
  given: unknown,
  wish: Wish,
  server: Pick<Server, 'request'>,
): Promise<string | undefined> {
  const known = v.safeParse(Given, given);
  if (known.success) return typeof known.output === 'string' ? known.output : known.output.module;
  const items = await itemsFor(wish, server);
  if (items.length === 0) throw new Trouble(wish.none);
  const picked = await vscode.window.showQuickPick(items, {
    title: wish.title,
    placeHolder: wish.placeHolder,
    matchOnDescription: true,
  });
  return picked?.module;
}

async function itemsFor({ held, others }: Wish, server: Pick<Server, 'request'>): Promise<Item[]> {
  const [{ modules: rows }, { modules: own }, here] = await Promise.all([
    server.request('coordination/snapshot', {}),
    others ? server.request('coordination/modules', {}) : { modules: [] },
    moduleAtCursor(server),
  ]);
  const row = new Map(rows.map((each) => [each.module, each]));
  const accepted = (module: string): boolean => {
    const known = row.get(module);
    return known === undefined ? others : (held?.(known) ?? true);
  };
  const item = (module: string): Item => ({ label: module, description: described(row.get(module)), module });
  const atCursor = here !== undefined && accepted(here) ? [here] : [];
  const inSessions = rows.map(({ module }) => module).filter((module) => module !== here && accepted(module));
  const rest = own.filter((module) => module !== here && !row.has(module));
  return [
    ...group(vscode.l10n.t('At the cursor'), atCursor.map(item)),
    ...group(vscode.l10n.t('In the running sessions'), inSessions.map(item)),
    ...group(vscode.l10n.t('In the project'), rest.map(item)),
  ];
}

function group(label: string, items: Item[]): Item[] {
  return items.length === 0 ? [] : [{ label, kind: vscode.QuickPickItemKind.Separator }, ...items];
}

function described(row: ModuleRow | undefined): string {
  if (row === undefined) return '';
  return [
    stateName(row.state),
    ...(row.pinned ? [vscode.l10n.t('pinned')] : []),
    ...(row.neverInterpret ? [vscode.l10n.t('never interpreted')] : []),
  ].join(' · ');
}

export function stateName(state: ModuleRow['state']): string {
  switch (state) {
    case 'native':
      return vscode.l10n.t('native');
    case 'prepared':
      return vscode.l10n.t('prepared');
    case 'interpreted':
      return vscode.l10n.t('interpreted');
  }
}

/** Of the file that the user looks at: the last module that begins at or above the cursor. */
export async function moduleAtCursor(server: Pick<Server, 'request'>): Promise<string | undefined> {
  const editor = vscode.window.activeTextEditor;
  if (editor === undefined || !LANGUAGES.some((language) => language === editor.document.languageId)) return undefined;
  const { modules } = await server.request('coordination/modulesOfFile', { uri: editor.document.uri.toString() });
  const line = editor.selection.active.line + 1;
  return modules.findLast((module) => module.line <= line)?.name;
}
