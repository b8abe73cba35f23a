// The contract between the extension and the coordination server: custom LSP methods beside the standard ones. Types only.

/** Raised with any change that an older extension or server would misread. */
export const SERVER_PROTOCOL_VERSION = 1;

/** Handed to the server as `initializationOptions`. */
export interface ServerOptions {
  protocol: number;
}

export interface ServerHealth {
  protocol: number;
  pid: number;
  /** ms since the process started. */
  uptime: number;
  /** false while the first walk through the workspace is under way; the counts grow until then. */
  indexed: boolean;
  files: number;
  modules: number;
}

/** A module as its source declares it. */
export interface SourceModule {
  /** As `inspect` writes it: `Shop.Cart`, `:lists`. */
  name: string;
  /** First line of the declaration, 1-based. */
  line: number;
}

/** Method → [params, result]. */
export interface ServerRequests {
  'coordination/health': [Record<string, never>, ServerHealth];
  /** The modules that a file declares, in order; empty when the file is unknown. */
  'coordination/modulesOfFile': [{ uri: string }, { modules: SourceModule[] }];
  /** Where modules are declared; a module may be declared in several places (protocol implementations, tests). */
  'coordination/filesOfModule': [{ module: string }, { files: { uri: string; line: number }[] }];
}
