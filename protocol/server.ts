// The contract between the extension and the coordination server: custom LSP methods beside the standard ones. Types only.
import type { MetricsSnapshot, MetricsUpdate, Neighbourhood, ServerHealth } from './metrics';
import type { ServerSettings } from './settings';

export type { ServerHealth } from './metrics';

/** Raised with any change that an older extension or server would misread. */
export const SERVER_PROTOCOL_VERSION = 2;

/** Handed to the server as `initializationOptions`. */
export interface ServerOptions {
  protocol: number;
  /** Folder for learned usage and caches of this workspace (`context.storageUri`); null: nothing is kept. */
  storageDir: string | null;
  settings: ServerSettings;
}

/** A module as its source declares it. */
export interface SourceModule {
  /** As `inspect` writes it: `Shop.Cart`, `:lists`. */
  name: string;
  /** First line of the declaration, 1-based. */
  line: number;
}

export type ModuleAction = 'prepare' | 'release' | 'pin' | 'unpin' | 'neverInterpret' | 'allowInterpret';

/** Why a module is in the state it is in, and what it costs; sentences for people. */
export interface ModuleExplanation {
  module: string;
  state: 'native' | 'prepared' | 'interpreted';
  /** Best reason first. */
  reasons: string[];
  bytes: number | null;
  prepareMs: number | null;
  /** Past use: stops, entries, breakpoints, last seen. */
  usage: string[];
  /** Modules it uses and that use it, by number. */
  dependencies: number;
  dependents: number;
  file: string | null;
  line: number | null;
  pinned: boolean;
  neverInterpret: boolean;
}

export interface BreakpointSuggestion {
  uri: string;
  /** 1-based. */
  line: number;
  module: string;
  function: string | null;
  /** One sentence: why it is worth stopping here. */
  reason: string;
  from: 'failure' | 'learned' | 'graph';
  /** 0..1 */
  score: number;
}

/** A place of a test in a file; lines 1-based. */
export interface TestNode {
  /** Stable in the file: `describe` and name joined; for a module its name. */
  id: string;
  kind: 'module' | 'describe' | 'test' | 'doctest';
  name: string;
  line: number;
  endLine: number;
  children: TestNode[];
}

/** Methods of requests from extension to server: method → [params, result]. */
export interface ServerRequests {
  'coordination/health': [Record<string, never>, ServerHealth];
  /** The modules that a file declares, in order; empty when the file is unknown. */
  'coordination/modulesOfFile': [{ uri: string }, { modules: SourceModule[] }];
  /** The project's own modules, by name. */
  'coordination/modules': [Record<string, never>, { modules: string[] }];
  /** Where modules are declared; a module may be declared in several places (protocol implementations, tests). */
  'coordination/filesOfModule': [{ module: string }, { files: { uri: string; line: number }[] }];

  /** A debug session begins: where its adapter finds the server. The pair holds until closeSession. */
  'coordination/openSession': [{ session: string }, { pipe: string; token: string }];
  'coordination/closeSession': [{ session: string }, Record<string, never>];

  'coordination/snapshot': [Record<string, never>, MetricsSnapshot];
  /** While on, `coordination/update` notifications follow each other, several changes in one. */
  'coordination/watch': [{ on: boolean }, Record<string, never>];
  'coordination/neighbourhood': [{ module: string; depth: number }, Neighbourhood];

  /** `prepare` and `release` go to every running session; the others are remembered for the workspace. */
  'coordination/module': [{ module: string; action: ModuleAction }, { sessions: number }];
  'coordination/explain': [{ module: string }, ModuleExplanation];
  /** `failure`: text of a failed test or crash with stack lines; without it, the learned model and the graph say. */
  'coordination/suggestBreakpoints': [
    { uri: string | null; failure: string | null },
    { suggestions: BreakpointSuggestion[] },
  ];
  'coordination/pause': [{ paused: boolean }, { sessions: number }];
  /** `view`: for people, Markdown. `export`: everything, JSON. `erase`: gone for good. */
  'coordination/usage': [{ action: 'view' | 'export' | 'erase' }, { text: string }];

  'coordination/tests': [{ uri: string }, { tests: TestNode[] }];
}

/** Notifications between extension and server: method → params. */
export interface ServerNotifications {
  /** Extension → server: the active editor shows this file. */
  'coordination/focus': { uri: string };
  /** Extension → server. */
  'coordination/settings': ServerSettings;
  /** Server → extension, while watched. */
  'coordination/update': MetricsUpdate;
}
