// Entry of the coordination server: transport and exit codes. What the server can do is in connection.ts.
import { createConnection, ProposedFeatures } from 'vscode-languageserver/node';
import { serve } from './connection';

// The library picks IPC, stdio or a pipe from the command line, and ends the process when its client is gone.
serve(createConnection(ProposedFeatures.all));
