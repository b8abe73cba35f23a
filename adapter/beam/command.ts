// How a program with arguments is started on this operating system. Builds command lines, starts nothing.
import path from 'node:path';

export interface Command {
  file: string;
  args: string[];
  /** The arguments are a finished command line already (Windows batch files). */
  verbatim: boolean;
}

/** Elixir's launchers are shell scripts, and batch files on Windows, which only cmd.exe can start. */
export function command(file: string, args: readonly string[], platform: NodeJS.Platform = process.platform): Command {
  if (platform !== 'win32' || !/\.(bat|cmd)$/i.test(file)) return { file, args: [...args], verbatim: false };
  const line = [escapeForCmd(path.win32.normalize(file)), ...args.map((arg) => escapeForCmd(escapeForCmd(quote(arg))))];
  return { file: process.env['ComSpec'] ?? 'cmd.exe', args: ['/d', '/s', '/c', `"${line.join(' ')}"`], verbatim: true };
}

/** One argument as the C runtime of Windows splits command lines. */
function quote(arg: string): string {
  return `"${arg.replace(/(\\*)"/g, '$1$1\\"').replace(/(\\*)$/, '$1$1')}"`;
}

/** cmd.exe reads a line before the program does; a batch file passes it through a second time. */
function escapeForCmd(text: string): string {
  return text.replace(/[()\][%!^"`<>&|;, *?]/g, '^$&');
}

/** One word of ERL_AFLAGS: erlexec splits it at blanks, and knows double quotes with backslash escapes. */
export function erlFlag(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `"${word.replace(/["\\]/g, '\\$&')}"`;
}

/** Erlang takes forward slashes everywhere. */
export function erlPathOf(file: string): string {
  return process.platform === 'win32' ? file.replaceAll('\\', '/') : file;
}
