// Entry of the coordination server: transport and exit codes. What the server can do is in connection.ts.
import { constants } from 'node:os';
import { createConnection, ProposedFeatures } from 'vscode-languageserver/node';
import { serve } from './connection';

// An end by signal is an end as any other: what belongs to the process is removed on the way out.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  process.once(signal, () => process.exit(128 + constants.signals[signal]));
}

// The library picks IPC, stdio or a pipe from the command line, and ends the process when its client is gone.
serve(createConnection(ProposedFeatures.all));
