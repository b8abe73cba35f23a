// The log the user can open: one channel for the window. Secrets are taken out here, so no caller has to think of it.
import * as vscode from 'vscode';

export type Log = vscode.LogOutputChannel;

export function createLog(): Log {
  return vscode.window.createOutputChannel('Elixir Coordinated Debugger', { log: true });
}

const SECRET = /cookie|token|password|secret/i;

/** A message as one line of JSON, without cookies, tokens and the values of environment variables. */
export function redacted(message: unknown): string {
  return JSON.stringify(message, (key, value: unknown) => {
    if (SECRET.test(key)) return '…';
    if (key !== 'env' || typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.keys(value).map((name) => [name, '…']));
  });
}
