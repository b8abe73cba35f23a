// Events that are told together, made as small as they can be without telling less. Pure.
import type { SessionEvent } from '../../protocol/coordination';

/**
 * Modules that were loaded one after the other are told together, of a file's breakpoints only how they are in the end, and of
 * a stop that is over only the innermost frame: nobody can prepare anything for the rest of that stack any more.
 */
export function merged(events: readonly SessionEvent[]): SessionEvent[] {
  const result: SessionEvent[] = [];
  const files = new Set<string>();
  const over = new Set<number>();
  for (const event of events.toReversed()) {
    const next = result.at(-1);
    if (event.kind === 'breakpointsSet') {
      if (files.has(event.file.file)) continue;
      files.add(event.file.file);
    }
    if (event.kind === 'continued' || event.kind === 'stopped') {
      const obsolete = event.kind === 'stopped' && over.has(event.thread);
      over.add(event.thread);
      result.push(obsolete ? { ...event, frames: event.frames.slice(0, 1) } : event);
    } else if (event.kind === 'modulesLoaded' && next?.kind === 'modulesLoaded') {
      result[result.length - 1] = { ...event, modules: [...event.modules, ...next.modules] };
    } else {
      result.push(event);
    }
  }
  return result.reverse();
}
