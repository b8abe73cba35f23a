// Where breakpoints are: those of the editor, and what running sessions tell of theirs. Holds the editor's; decides nothing.
import path from 'node:path';
import { fileOf } from '../fileUri';
import type { CodeIndex, FunctionPlace, SessionView } from './parts';

export interface KnownBreakpoint {
  /** 1-based. */
  line: number;
  /** In all running sessions. */
  hits: number;
  /** Running sessions in which it can stop; null while none runs. */
  verified: boolean | null;
  modules: string[];
}

export class Breakpoints {
  private editor = new Map<string, number[]>();

  constructor(
    private readonly index: CodeIndex,
    private readonly sessions: () => readonly SessionView[],
  ) {}

  /** All that the editor has now, by URI. */
  setEditor(files: readonly { uri: string; lines: readonly number[] }[]): void {
    this.editor = new Map(
      files.flatMap(({ uri, lines }) => {
        const file = fileOf(uri);
        return file === undefined ? [] : [[keyOf(file), [...lines]] as const];
      }),
    );
  }

  /** By line. */
  of(file: string): KnownBreakpoint[] {
    const key = keyOf(file);
    const found = new Map<number, KnownBreakpoint>();
    for (const line of this.editor.get(key) ?? []) found.set(line, { line, hits: 0, verified: null, modules: [] });
    for (const { state } of this.sessions()) {
      const told = state.breakpoints.filter(({ file: of }) => of !== '' && keyOf(of) === key);
      for (const { line, hits, verified, modules } of oneALine(told.flatMap(({ breakpoints }) => breakpoints))) {
        const known = found.get(line) ?? { line, hits: 0, verified: null, modules: [] };
        found.set(line, {
          line,
          hits: known.hits + hits,
          verified: known.verified === true || verified,
          modules: [...new Set([...known.modules, ...modules])],
        });
      }
    }
    return [...found.values()].sort((a, b) => a.line - b.line);
  }

  /** Functions of the file that hold breakpoints, with those, in the order of the text. */
  byFunction(file: string): { place: FunctionPlace; breakpoints: KnownBreakpoint[] }[] {
    const found = new Map<FunctionPlace, KnownBreakpoint[]>();
    for (const breakpoint of this.of(file)) {
      const place = this.index.functionAt(file, breakpoint.line);
      if (place !== undefined) found.set(place, [...(found.get(place) ?? []), breakpoint]);
    }
    return [...found].map(([place, breakpoints]) => ({ place, breakpoints }));
  }

  /** Whether the line, or its function, holds one. */
  inFunctionAt(file: string, line: number): boolean {
    const place = this.index.functionAt(file, line);
    return this.of(file).some(
      (each) => each.line === line || (place !== undefined && each.line >= place.line && each.line <= place.endLine),
    );
  }
}

type Told = SessionView['state']['breakpoints'][number]['breakpoints'][number];

/** Two of a session that meet at the same line stop together: each stop is one hit. */
function oneALine(told: readonly Told[]): Told[] {
  const found = new Map<number, Told>();
  for (const each of told) {
    const known = found.get(each.line);
    const both = known === undefined ? [each] : [known, each];
    found.set(each.line, {
      ...each,
      hits: Math.max(...both.map(({ hits }) => hits)),
      verified: both.some(({ verified }) => verified),
      modules: [...new Set(both.flatMap(({ modules }) => modules))],
    });
  }
  return [...found.values()];
}

/** Windows and macOS take upper and lower case for the same file, and editors differ in how they write a drive. */
function keyOf(file: string): string {
  const normal = path.normalize(file);
  return process.platform === 'linux' ? normal : normal.toLowerCase();
}
