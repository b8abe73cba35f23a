// What the user does with single modules: prepare, release, pin, never interpret, and have explained. Decides nothing itself.
import * as vscode from 'vscode';
import type { InterpretModulesResult } from '../../protocol/adapter';
import type { ModuleExplanation } from '../../protocol/server';
import type { Server } from '../client';
import { COMMANDS } from '../contributions';
import type { LiveSessions } from '../debug/liveSessions';
import { command, runs, say, Trouble } from '../notify';
import { cell, type Pages } from '../page';
import { milliseconds, size } from '../units';
import { chooseModule, chooseModules, stateName } from './moduleChoice';

export interface ModuleParts {
  server: Pick<Server, 'request'>;
  sessions: LiveSessions;
  pages: Pages;
}

export function registerModules(parts: ModuleParts): vscode.Disposable {
  return vscode.Disposable.from(
    command(COMMANDS.prepareModule, (given) => prepare(given, parts)),
    command(COMMANDS.releaseModule, (given) => release(given, parts)),
    command(COMMANDS.pinModule, (given) => pin(given, parts)),
    command(COMMANDS.neverInterpret, (given) => neverInterpret(given, parts)),
    command(COMMANDS.explainModule, (given) => explain(given, parts)),
  );
}

/** Asks the session itself, which also works without the server where the module is named. */
async function prepare(given: unknown, { server, sessions }: ModuleParts): Promise<string | undefined> {
  const session = sessions.chosen();
  const modules = await chooseModules(
    given,
    {
      title: vscode.l10n.t('Prepare Modules'),
      placeHolder: vscode.l10n.t('They are ready before a step or a breakpoint enters them'),
      held: ({ state, neverInterpret }) => state === 'native' && !neverInterpret,
      others: true,
      none: vscode.l10n.t('Every module of the project is prepared already.'),
    },
    server,
  );
  if (modules === undefined) return undefined;
  const failed: InterpretModulesResult['failed'] = [];
  const ready: string[] = [];
  const options = {
    location: vscode.ProgressLocation.Notification,
    title: vscode.l10n.t('Preparing modules'),
    cancellable: true,
  };
  await vscode.window.withProgress(options, async (progress, token) => {
    for (const [at, module] of modules.entries()) {
      if (token.isCancellationRequested) return;
      const message = vscode.l10n.t('{0} of {1}: {2}', at + 1, modules.length, module);
      progress.report({ message, increment: 100 / modules.length });
      const args = { modules: [module], strategy: 'immediate', context: vscode.l10n.t('you asked for it') };
      const result = (await session.customRequest('interpretModules', args)) as InterpretModulesResult;
      ready.push(...result.interpreted);
      failed.push(...result.failed);
    }
  });
  const [trouble] = failed;
  if (trouble !== undefined) {
    const more = failed.length - 1;
    const said = vscode.l10n.t('{0} cannot be prepared: {1}', trouble.module, trouble.error);
    throw new Trouble(
      more === 0 ? said : `${said} ${vscode.l10n.t('The same goes for {0} more.', more)}`,
      runs(vscode.l10n.t('Explain'), COMMANDS.explainModule, trouble.module),
    );
  }
  return say(
    ready.length === 1
      ? vscode.l10n.t('{0} is prepared.', ready[0] ?? '')
      : vscode.l10n.t('{0} of {1} modules are prepared.', ready.length, modules.length),
  );
}

async function release(given: unknown, { server, sessions }: ModuleParts): Promise<string | undefined> {
  sessions.chosen();
  const modules = await chooseModules(
    given,
    {
      title: vscode.l10n.t('Release Modules'),
      placeHolder: vscode.l10n.t('Prepared modules that give back their memory'),
      held: ({ state }) => state !== 'native',
      others: false,
      none: vscode.l10n.t('No module is prepared.'),
    },
    server,
  );
  if (modules === undefined) return undefined;
  let told = 0;
  for (const module of modules) {
    told += (await server.request('coordination/module', { module, action: 'release' })).sessions;
  }
  if (told === 0) throw new Trouble(vscode.l10n.t('No session is connected that could release it.'));
  return say(
    modules.length === 1
      ? vscode.l10n.t('{0} is released as soon as nothing holds it.', modules[0] ?? '')
      : vscode.l10n.t('{0} modules are released as soon as nothing holds them.', modules.length),
  );
}

async function pin(given: unknown, { server }: ModuleParts): Promise<string | undefined> {
  const module = await chooseModule(
    given,
    {
      title: vscode.l10n.t('Pin or Unpin a Module'),
      placeHolder: vscode.l10n.t('A pinned module stays prepared in every session of this workspace'),
      others: true,
      none: vscode.l10n.t('No module of the project is known yet.'),
    },
    server,
  );
  if (module === undefined) return undefined;
  const { pinned, neverInterpret } = await server.request('coordination/explain', { module });
  await server.request('coordination/module', { module, action: pinned ? 'unpin' : 'pin' });
  if (pinned) return say(vscode.l10n.t('{0} is no longer pinned.', module));
  return say(
    neverInterpret
      ? vscode.l10n.t('{0} is pinned: it stays prepared, and may be interpreted again.', module)
      : vscode.l10n.t('{0} is pinned: it stays prepared.', module),
  );
}

async function neverInterpret(given: unknown, { server }: ModuleParts): Promise<string | undefined> {
  const module = await chooseModule(
    given,
    {
      title: vscode.l10n.t('Never Interpret a Module, or Allow It Again'),
      placeHolder: vscode.l10n.t('It always runs at native speed, and steps pass over it'),
      others: true,
      none: vscode.l10n.t('No module of the project is known yet.'),
    },
    server,
  );
  if (module === undefined) return undefined;
  const before = await server.request('coordination/explain', { module });
  const action = before.neverInterpret ? 'allowInterpret' : 'neverInterpret';
  await server.request('coordination/module', { module, action });
  return say(
    before.neverInterpret
      ? vscode.l10n.t('{0} may be interpreted again.', module)
      : vscode.l10n.t('{0} is never interpreted in this workspace.', module),
  );
}

async function explain(given: unknown, { server, pages }: ModuleParts): Promise<string | undefined> {
  const module = await chooseModule(
    given,
    {
      title: vscode.l10n.t('Explain a Module'),
      placeHolder: vscode.l10n.t('Why it is interpreted or not, and what it costs'),
      others: true,
      none: vscode.l10n.t('No module of the project is known yet.'),
    },
    server,
  );
  if (module === undefined) return undefined;
  const explanation = await server.request('coordination/explain', { module });
  await pages.show(module, explained(explanation));
  return `${module}: ${stateName(explanation.state)}`;
}

function explained(of: ModuleExplanation): string {
  const cost =
    of.bytes === null || of.prepareMs === null
      ? vscode.l10n.t('Nothing: it is not prepared.')
      : vscode.l10n.t('{0} of memory; preparing it took {1}.', size(of.bytes), milliseconds(of.prepareMs));
  const decided = [
    ...(of.pinned ? [vscode.l10n.t('You pinned it.')] : []),
    ...(of.neverInterpret ? [vscode.l10n.t('You excluded it from interpretation.')] : []),
  ];
  const neighbours = vscode.l10n.t('It uses {0} modules and is used by {1}.', of.dependencies, of.dependents);
  const source = of.file === null ? [] : [`[${cell(vscode.workspace.asRelativePath(of.file))}](${link(of)})`];
  const section = (title: string, lines: readonly string[]): string[] =>
    lines.length === 0 ? [] : [`## ${title}`, lines.map((line) => `- ${line}`).join('\n')];
  return [
    `# ${cell(of.module)}`,
    `**${stateName(of.state)}**`,
    ...section(vscode.l10n.t('Why'), of.reasons.map(cell)),
    ...section(vscode.l10n.t('What it costs'), [cost]),
    ...section(vscode.l10n.t('Your decisions'), decided),
    ...section(vscode.l10n.t('Past use'), of.usage.map(cell)),
    ...section(vscode.l10n.t('In the project'), [neighbours, ...source]),
    '',
  ].join('\n\n');
}

function link({ file, line }: ModuleExplanation): string {
  return `${vscode.Uri.file(file ?? '').toString()}#L${line ?? 1}`;
}
