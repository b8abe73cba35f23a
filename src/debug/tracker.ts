// Writes the course of each debug session into the log: its messages at trace level, its end and errors above. Tells the
// user of one that could not start.
import * as vscode from 'vscode';
import { redacted, type Log } from '../log';
import { complain } from '../notify';
import { failedStart } from './failedStart';

export function trackerFactory(log: Log): vscode.DebugAdapterTrackerFactory {
  return {
    createDebugAdapterTracker: ({ id, name }) => {
      const session = id.slice(0, 8);
      return {
        onWillStartSession: () => log.info('session.start', session, name),
        onWillReceiveMessage: (message) => trace(log, session, '→', message),
        onDidSendMessage: (message) => {
          trace(log, session, '←', message);
          const trouble = failedStart(message);
          if (trouble !== undefined) complain(trouble);
        },
        onError: (error) => log.error('session.error', session, error.message),
        onExit: (code, signal) => log.info('session.exit', session, `code ${code ?? '-'}`, `signal ${signal ?? '-'}`),
      };
    },
  };
}

function trace(log: Log, session: string, direction: string, message: unknown): void {
  if (log.logLevel === vscode.LogLevel.Trace) log.trace('session.wire', session, direction, redacted(message));
}
