// What any LSP client may ask the coordination server about debugging by `workspace/executeCommand`, and what the editor tells
// it for that. One argument each: an object. Shapes and validators only.
import * as v from 'valibot';
import type { BreakpointSuggestion } from './server';

export const ANALYSIS_COMMANDS = {
  dependencies: 'elixirLS.debugDependencyAnalysis',
  suggestions: 'elixirLS.debugBreakpointSuggestions',
  requirements: 'elixirLS.debugModuleRequirements',
  impact: 'elixirLS.debugBreakpointImpact',
  prepare: 'elixirLS.debugPrepareModule',
} as const;

/** Commands of our own extension that code actions name; `setBreakpoint` takes a URI and a 1-based line. */
export const CLIENT_COMMANDS = { setBreakpoint: 'elixirCoordinatedDebugger.setBreakpoint' } as const;

/** minimal: what the target calls itself; conservative: its usual neighbourhood; complete: everything it can reach. */
export const ANALYSIS_SCOPES = ['minimal', 'conservative', 'complete'] as const;
export type AnalysisScope = (typeof ANALYSIS_SCOPES)[number];

const text = v.string((issue) => `must be a string, but is ${issue.received}`);
const name = v.pipe(text, v.nonEmpty('must not be empty'), v.maxLength(512, 'must have at most 512 letters'));
/** Longer ones are no glob over module names, and no regular expression that an engine takes. */
const pattern = v.pipe(text, v.maxLength(512, 'must have at most 512 letters'));
const flag = v.boolean((issue) => `must be true or false, but is ${issue.received}`);
const line = v.pipe(
  v.number((issue) => `must be a line number, but is ${issue.received}`),
  v.integer('must be a whole number'),
  v.minValue(1, 'must be at least 1'),
);
const anObject = 'must be an object';

export const DependencyAnalysisArguments = v.object(
  {
    /** As `inspect` writes it: `Shop.Cart`, `:lists`. */
    module: name,
    /** Narrows the direct dependencies to what the function's own text names. */
    function: v.optional(name),
    arity: v.optional(
      v.pipe(
        v.number((issue) => `must be a number, but is ${issue.received}`),
        v.integer('must be a whole number'),
        v.minValue(0, 'must not be negative'),
        v.maxValue(255, 'must be at most 255'),
      ),
    ),
    scope: v.optional(
      v.picklist(
        ANALYSIS_SCOPES,
        (issue) =>
          `must be one of ${ANALYSIS_SCOPES.map((scope) => `"${scope}"`).join(', ')}, but is ${issue.received}`,
      ),
      'conservative',
    ),
    /** Without it, only where the scope is `complete`. */
    includeTransitive: v.optional(flag),
    /** Only modules that match one of these globs (or, with characters that no glob has, regular expressions). */
    interpretationPatterns: v.optional(
      v.array(pattern, (issue) => `must be a list of strings, but is ${issue.received}`),
      [],
    ),
  },
  anObject,
);
export type DependencyAnalysisArguments = v.InferOutput<typeof DependencyAnalysisArguments>;

export const SuggestionArguments = v.object(
  {
    /** Of a file: suggestions for it alone. */
    uri: v.optional(v.nullable(text), null),
    /** Text of a failed test or crash, with its stack lines. */
    failure: v.optional(v.nullable(text), null),
    limit: v.optional(v.pipe(line, v.maxValue(100, 'must be at most 100')), 10),
  },
  anObject,
);
export type SuggestionArguments = v.InferOutput<typeof SuggestionArguments>;

export const ModuleArguments = v.object({ module: name }, anObject);
export const PlaceArguments = v.object({ uri: text, line }, anObject);

/** What it takes to have modules ready. */
export interface Cost {
  bytes: number;
  /** ms */
  prepareMs: number;
  /** false: estimated from other modules. */
  measured: boolean;
}

export interface DependencyAnalysis {
  target: {
    module: string;
    function: string | null;
    arity: number | null;
    file: string | null;
    /** 1-based. */
    line: number | null;
    own: boolean;
  };
  /** Modules to have ready for debugging the target, itself first, nearest first. */
  interpretationScope: string[];
  /** What the target depends on at run time, sorted; Elixir's and Erlang's own modules too. */
  directDependencies: string[];
  /** What those depend on in turn, the direct ones left out, nearest first; empty unless asked for. */
  transitiveDependencies: string[];
  metadata: {
    scope: AnalysisScope;
    complexity: 'low' | 'medium' | 'high';
    /** ms to prepare the whole scope. */
    estimatedTime: number;
    /** Of prepared modules, in the debugged system. */
    estimatedBytes: number;
    /** Modules of the scope whose cost was measured; the others are estimated from them. */
    measuredModules: number;
    /** Modules of the scope that belong to the project. */
    ownModules: number;
    /** Modules that depend on the target. */
    dependents: number;
    /** Who said that the target depends on it. */
    origins: { module: string; kinds: string[]; origins: ('beam' | 'source')[] }[];
    /** false while the project is still being indexed: there may be more. */
    indexed: boolean;
  };
}

export interface ModuleRequirements {
  module: string;
  state: 'native' | 'prepared' | 'interpreted';
  /** What debugging in the module itself takes. */
  cost: Cost;
  /** Likely to be entered from it by a step, likeliest first. */
  related: { module: string; why: string; state: 'native' | 'prepared' | 'interpreted'; cost: Cost }[];
  /** Why it cannot or should not be interpreted; empty when nothing speaks against it. */
  obstacles: string[];
}

export interface BreakpointImpact {
  module: string;
  /** `name/arity`; null outside of functions. */
  function: string | null;
  line: number;
  /** Functions that run interpreted because of it, `Module.name/arity`. */
  interpreted: string[];
  cost: Cost;
  /** It may slow the program down or stop it very often. */
  hot: boolean;
  /** Sentences that say why, and what else is worth knowing. */
  notes: string[];
  /** In running sessions. */
  hits: number;
}

export interface SuggestionsResult {
  suggestions: BreakpointSuggestion[];
}

/** Notifications from the editor to the server: method → params. */
export interface AnalysisNotifications {
  /** All enabled breakpoints of the editor, each time they change; also before any session runs. */
  'coordination/breakpoints': { files: { uri: string; lines: number[] }[] };
}

export const EditorBreakpoints = v.object({
  files: v.array(v.object({ uri: text, lines: v.array(line) })),
});

/** What may be wrong with arguments, one sentence that names the field. */
export function troubleWith(issues: [v.BaseIssue<unknown>, ...v.BaseIssue<unknown>[]]): string {
  const [issue] = issues;
  const field = v.getDotPath(issue);
  const missing = field !== null && issue.received === 'undefined';
  const said = missing ? 'is missing' : issue.message;
  return field === null ? `The argument ${said}.` : `\`${field}\` ${said}.`;
}
