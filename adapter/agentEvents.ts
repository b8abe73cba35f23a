// Turns what the agent reports into DAP events. Decides nothing about the session's state.
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { AgentEvents, ModuleInfo } from '../protocol/agent';
import type { AgentEvent } from './beam/agentClient';
import type { Breakpoints } from './breakpoints';
import type { Connection } from './connection';
import type { Progress, ProgressReporter } from './progress';
import type { Conventions } from './sources';

export interface EventTargets {
  connection: Connection;
  conventions: Conventions;
  breakpoints: Breakpoints;
  progress: ProgressReporter;
  /** The client knows the `invalidated` event. */
  supportsInvalidated: () => boolean;
  /** What the VM works at before the program runs can be cancelled only with the program. */
  endProgram: () => void;
}

export class AgentEventTranslator {
  readonly #progress = new Map<string, Progress>();
  /** Threads the client believes to be stopped. */
  readonly #stopped = new Set<number>();

  /** Requests whose answer must come before any event; the events wait in the order they came. */
  #holders = 0;
  #held: AgentEvent[] = [];

  constructor(private readonly to: EventTargets) {}

  /** Keeps events back until the function returned is called. */
  hold(): () => void {
    this.#holders++;
    return () => {
      this.#holders--;
      if (this.#holders > 0) return;
      const held = this.#held;
      this.#held = [];
      for (const event of held) this.#send(event);
    };
  }

  translate(event: AgentEvent): void {
    if (this.#holders > 0) this.#held.push(event);
    else this.#send(event);
  }

  #send(event: AgentEvent): void {
    const { connection, breakpoints } = this.to;
    switch (event.name) {
      case 'stopped':
        this.#stopped.add(event.body.thread);
        connection.event('stopped', stopped(event.body));
        return;
      case 'continued':
        this.#stopped.delete(event.body.thread);
        connection.event('continued', { threadId: event.body.thread, allThreadsContinued: false });
        return;
      case 'thread':
        if (event.body.reason === 'exited') this.#stopped.delete(event.body.thread);
        connection.event('thread', { threadId: event.body.thread, reason: event.body.reason });
        return;
      case 'breakpoint':
        connection.event('breakpoint', { reason: 'changed', breakpoint: breakpoints.toDap(event.body) });
        return;
      case 'output':
        this.#output(event.body);
        return;
      case 'notice':
        this.notice(event.body);
        return;
      case 'module':
        connection.event('module', { reason: event.body.reason, module: this.module(event.body.module) });
        return;
      case 'loadedSource':
        connection.event('loadedSource', {
          reason: event.body.reason,
          source: this.to.conventions.fileSource(event.body.path),
        });
        return;
      case 'invalidated':
        if (this.to.supportsInvalidated()) connection.event('invalidated', invalidated(event.body));
        return;
      case 'progress':
        this.#showProgress(event.body);
        return;
      // For the session itself, see lifecycle.ts.
      case 'taskEnded':
      case 'interpreted':
        return;
    }
  }

  /** Text for people that is not the program's output. */
  notice({ level, text }: { level: 'info' | 'warning' | 'error'; text: string }): void {
    const output = text.endsWith('\n') ? text : `${text}\n`;
    this.to.connection.event('output', { category: level === 'info' ? 'console' : 'important', output });
  }

  /** The processes are gone all at once, e.g. by a restart. */
  forgetThreads(): void {
    for (const threadId of this.#stopped) this.to.connection.event('thread', { threadId, reason: 'exited' });
    this.#stopped.clear();
    for (const progress of this.#progress.values()) progress.end();
    this.#progress.clear();
  }

  module({ name, path, own, state }: ModuleInfo): DebugProtocol.Module {
    return {
      id: name,
      name,
      isUserCode: own,
      symbolStatus: state,
      ...(path === null ? {} : { path: this.to.conventions.toPath(path) }),
    };
  }

  #output({ category, text, path, line }: AgentEvents['output']): void {
    const { connection, conventions } = this.to;
    connection.event('output', {
      category,
      output: text,
      ...(path === undefined ? {} : { source: conventions.fileSource(path) }),
      ...(line === undefined ? {} : { line: conventions.toLine(line) }),
    });
  }

  #showProgress({ id, phase, title, message, percentage }: AgentEvents['progress']): void {
    const known = this.#progress.get(id);
    if (phase === 'start' && known === undefined) {
      const options = { cancel: this.to.endProgram, ...(message === undefined ? {} : { message }) };
      this.#progress.set(id, this.to.progress.start(title ?? 'Working', options));
    } else if (phase === 'update') {
      known?.update(message ?? '', percentage);
    } else if (phase === 'end') {
      known?.end(message);
      this.#progress.delete(id);
    }
  }
}

function stopped({ thread, reason, description, text, hitBreakpointIds }: AgentEvents['stopped']): object {
  return {
    // DAP has no word for a stop that the program itself asks for.
    reason: reason === 'dbg' ? 'breakpoint' : reason,
    description,
    threadId: thread,
    allThreadsStopped: false,
    hitBreakpointIds,
    ...(text === undefined ? {} : { text }),
  };
}

function invalidated({ areas, thread }: AgentEvents['invalidated']): object {
  return { areas, ...(thread === undefined ? {} : { threadId: thread }) };
}
