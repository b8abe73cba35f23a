// What the editor shows of the analysis: code lenses, hovers, code actions. Only where a breakpoint is or the user asks.
import {
  CodeActionTriggerKind,
  MarkupKind,
  type CodeAction,
  type CodeActionParams,
  type CodeLens,
  type Hover,
  type HoverParams,
} from 'vscode-languageserver/node';
import { ANALYSIS_COMMANDS, CLIENT_COMMANDS, type BreakpointImpact, type Cost } from '../../protocol/analysis';
import { fileOf } from '../fileUri';
import type { Breakpoints, KnownBreakpoint } from './breakpoints';
import { stateOf } from './costs';
import { impactOf } from './impact';
import type { AnalysisParts } from './parts';
import { nameOf, suggestBreakpoints } from './suggestions';

/** Not one of the usual kinds, so that no light bulb and no "fix all" takes it up. */
export const ACTION_KIND = 'debug';
/** A menu with more is no suggestion. */
const MOST_ACTIONS = 3;

export interface HintOptions {
  /** The user's switch for lenses and hovers. */
  enabled: () => boolean;
  /** The client is our extension, so that its commands exist. */
  clientCommands: () => boolean;
}

export class Hints {
  constructor(
    private readonly parts: AnalysisParts,
    private readonly breakpoints: Breakpoints,
    private readonly options: HintOptions,
  ) {}

  /** One for each function that holds breakpoints; what it says is found out only when it comes into view. */
  codeLenses(uri: string): CodeLens[] {
    const file = fileOf(uri);
    if (!this.options.enabled() || file === undefined) return [];
    return this.breakpoints.byFunction(file).map(({ place, breakpoints }) => ({
      range: lineRange(place.line),
      data: { uri, line: breakpoints[0]?.line ?? place.line },
    }));
  }

  async resolve(lens: CodeLens): Promise<CodeLens> {
    const { uri, line } = lens.data as { uri: string; line: number };
    const file = fileOf(uri);
    if (file === undefined) return lens;
    const impact = await impactOf({ uri, line }, this.parts, this.breakpoints);
    const held = this.breakpoints
      .byFunction(file)
      .filter(({ breakpoints }) => breakpoints.some((each) => each.line === line))
      .flatMap(({ breakpoints }) => breakpoints);
    // Without a command it is a text and no button.
    return { ...lens, command: { title: this.title(impact, held), command: '' } };
  }

  async hover({ textDocument: { uri }, position }: HoverParams): Promise<Hover | null> {
    const file = fileOf(uri);
    if (!this.options.enabled() || file === undefined) return null;
    const line = position.line + 1;
    const held = this.breakpoints.of(file).filter((each) => each.line === line);
    if (held.length === 0) return null;
    const impact = await impactOf({ uri, line }, this.parts, this.breakpoints);
    const interpreted = impact.interpreted.map((each) => `\`${each}\``).join(', ');
    const lines = [
      `**Breakpoint** · ${this.title(impact, held)}`,
      ...(interpreted === '' || !canStop(held)
        ? []
        : [`Interpreted because of it: ${interpreted}. Everything else keeps its native speed.`]),
      ...impact.notes,
    ];
    return { contents: { kind: MarkupKind.Markdown, value: lines.join('\n\n') } };
  }

  /** Only when the user opens the menu: never while typing or moving the cursor. */
  async codeActions({ textDocument: { uri }, range, context }: CodeActionParams): Promise<CodeAction[]> {
    const { triggerKind, only } = context;
    const file = fileOf(uri);
    if (triggerKind === CodeActionTriggerKind.Automatic || file === undefined) return [];
    if (only !== undefined && !only.some((kind) => kind === '' || kind === ACTION_KIND)) return [];
    return [...(await this.suggested(uri)), ...this.preparing(file, range.start.line + 1)];
  }

  private async suggested(uri: string): Promise<CodeAction[]> {
    if (!this.options.clientCommands()) return [];
    const suggestions = await suggestBreakpoints(
      { uri, failure: null, limit: MOST_ACTIONS },
      this.parts,
      this.breakpoints,
    );
    return suggestions.map(({ line, function: name, reason }) => {
      const title = `Set a breakpoint in ${name ?? `line ${line}`}, line ${line}: ${reason}`;
      const command = { title, command: CLIENT_COMMANDS.setBreakpoint, arguments: [uri, line] };
      return { title, kind: ACTION_KIND, command };
    });
  }

  private preparing(file: string, line: number): CodeAction[] {
    const { index, memory, sessions } = this.parts;
    const module = index.moduleAt(file, line)?.name;
    if (module === undefined || memory().isNeverInterpreted(module)) return [];
    if (stateOf(module, sessions()) !== 'native') return [];
    const title = `Prepare ${module} for debugging`;
    if (sessions().length === 0) {
      return [{ title, kind: ACTION_KIND, disabled: { reason: 'No debug session is running.' } }];
    }
    return [
      { title, kind: ACTION_KIND, command: { title, command: ANALYSIS_COMMANDS.prepare, arguments: [{ module }] } },
    ];
  }

  private title({ module, function: name, cost, hot }: BreakpointImpact, held: KnownBreakpoint[]): string {
    const { sessions } = this.parts;
    const hits = held.reduce((sum, each) => sum + each.hits, 0);
    const parts =
      sessions().length === 0
        ? [name === null ? 'outside of functions' : `interprets ${name} alone`]
        : canStop(held)
          ? [this.state(module), hits === 1 ? '1 hit' : `${hits} hits`]
          : ['not armed'];
    parts.push(costText(cost));
    if (hot) parts.push('hot');
    return parts.join(' · ');
  }

  private state(module: string): string {
    return stateOf(module, this.parts.sessions());
  }

  /** Changes when lenses of these files would say something else. */
  signature(uris: Iterable<string>): string {
    const shown = [...uris].map((uri) =>
      this.breakpoints
        .byFunction(fileOf(uri) ?? '')
        .map(({ place, breakpoints }) => [
          nameOf(place),
          stateOf(place.module, this.parts.sessions()),
          breakpoints.map(({ line, hits, verified }) => [line, hits, verified]),
        ]),
    );
    return JSON.stringify([this.parts.sessions().length, shown]);
  }
}

/** In a session that runs; where none does, nobody knows of any that cannot. */
function canStop(held: readonly KnownBreakpoint[]): boolean {
  return held.some(({ verified }) => verified !== false);
}

function costText({ bytes, prepareMs, measured }: Cost): string {
  const ms = prepareMs < 10 ? prepareMs.toFixed(1) : String(Math.round(prepareMs));
  return `${measured ? '' : 'about '}${ms} ms, ${Math.max(1, Math.round(bytes / 1024))} KB`;
}

function lineRange(line: number): CodeLens['range'] {
  return { start: { line: line - 1, character: 0 }, end: { line: line - 1, character: 0 } };
}
