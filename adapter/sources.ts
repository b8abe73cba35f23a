// How places travel between client and agent: line and column bases, paths or URIs, DAP Source objects. No I/O.
import type { DebugProtocol } from '@vscode/debugprotocol';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { StackFrame } from '../protocol/agent';
import { Failure } from '../protocol/failure';

/** The client's conventions, as initialize states them; the agent counts from 1 and knows plain paths. */
export class Conventions {
  linesStartAt1 = true;
  columnsStartAt1 = true;
  uris = false;

  toLine(line: number): number {
    return this.linesStartAt1 ? line : line - 1;
  }
  fromLine(line: number): number {
    return this.linesStartAt1 ? line : line + 1;
  }
  /** UTF-16 units before the place. */
  fromColumn(column: number): number {
    return this.columnsStartAt1 ? column - 1 : column;
  }
  toColumn(unitsBefore: number): number {
    return this.columnsStartAt1 ? unitsBefore + 1 : unitsBefore;
  }

  toPath(file: string): string {
    return this.uris ? pathToFileURL(file).href : file;
  }

  fromPath(given: string): string {
    if (!/^file:/i.test(given)) return path.normalize(given);
    try {
      return fileURLToPath(given);
    } catch {
      throw Failure.expected('invalidArguments', `"${given}" is no file of this machine.`);
    }
  }

  fileSource(file: string): DebugProtocol.Source {
    return { name: path.basename(file), path: this.toPath(file) };
  }

  /** A frame without a file refers to text that the agent regenerates. */
  frameSource(frame: StackFrame): DebugProtocol.Source | undefined {
    const hint = frame.own ? {} : { presentationHint: 'deemphasize' as const };
    if (frame.path !== null) return { ...this.fileSource(frame.path), ...hint };
    if (frame.sourceReference === 0) return undefined;
    return {
      name: `${frame.module} (regenerated)`,
      sourceReference: frame.sourceReference,
      origin: 'regenerated from debug info, read-only',
      ...hint,
    };
  }
}
