// What helps whoever looks into a report of a problem: versions, settings, health, sessions, last errors. Without secrets,
// values of the environment and the user's name.
import { readdir, readFile } from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { Server } from '../client';
import type { Config } from '../config';
import { COMMANDS } from '../contributions';
import { statusOf, type LiveSessions } from '../debug/liveSessions';
import { redacted } from '../log';
import { command, say } from '../notify';
import { versions } from '../versions';

/** Errors and warnings of the log to hand on; the newest. */
const MOST_LINES = 40;

export interface DiagnosticsParts {
  server: Pick<Server, 'request'>;
  sessions: LiveSessions;
  config: Config;
  extension: vscode.Extension<unknown>;
  /** Folder of this window's logs. */
  logs: vscode.Uri;
}

export function registerDiagnostics(parts: DiagnosticsParts): vscode.Disposable {
  return command(COMMANDS.copyDiagnostics, async () => {
    await vscode.env.clipboard.writeText(await diagnostics(parts));
    return say(vscode.l10n.t('The diagnostics are on the clipboard; read them before you share them.'));
  });
}

/** Markdown, in English whatever the user's language: it is for those who help. */
async function diagnostics({ server, sessions, config, extension, logs }: DiagnosticsParts): Promise<string> {
  const health = server.request('coordination/health', {}).catch((error: unknown) => ({ error: String(error) }));
  const states = sessions.all().map(async (session) => {
    const { name, task, program, request, engine } = session.configuration as Record<string, unknown>;
    const status = await statusOf(session).catch((error: unknown) => ({ error: String(error) }));
    return { configuration: { name, request, task, program, engine }, status };
  });
  const others = vscode.extensions.all.filter(({ id, isActive }) => isActive && /elixir|erlang|phoenix|beam/i.test(id));
  const section = (title: string, content: unknown): string =>
    `### ${title}\n\n\`\`\`json\n${JSON.stringify(JSON.parse(redacted(content)), null, 2)}\n\`\`\``;
  const lines = await troubles(logs);
  const text = [
    '## Elixir Coordinated Debugger: diagnostics',
    section('Versions', versions(extension)),
    section('Settings', config.server()),
    section('Coordination server', await health),
    section('Debug sessions', await Promise.all(states)),
    section(
      'Extensions for the same languages',
      others.map(({ id }) => id),
    ),
    `### Last errors and warnings\n\n\`\`\`text\n${lines.join('\n')}\n\`\`\``,
    '',
  ].join('\n\n');
  return anonymous(text);
}

/** From the log's own files, which also hold what the server wrote. */
async function troubles(logs: vscode.Uri): Promise<string[]> {
  const names = await readdir(logs.fsPath).catch(() => []);
  const texts = names
    .filter((name) => name.endsWith('.log'))
    .map((name) => readFile(path.join(logs.fsPath, name), 'utf8'));
  const lines = (await Promise.all(texts)).flatMap((text) => text.split(/\r?\n/));
  return lines.filter((line) => /\[(error|warning)\]/.test(line)).slice(-MOST_LINES);
}

/** The home folder holds the user's name. */
function anonymous(text: string): string {
  const home = os.homedir();
  if (home.length < 2) return text;
  return [home, home.replaceAll('\\', '\\\\'), home.replaceAll('\\', '/')].reduce(
    (masked, each) => masked.replaceAll(each, '~'),
    text,
  );
}
