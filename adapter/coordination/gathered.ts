// Events that are told together, made as small as they can be without telling less. Pure.
import type { LatencyKind, SessionEvent } from '../../protocol/coordination';

/**
 * Modules that were loaded one after the other are told together, of a file's breakpoints only how they are in the end, and of
 * a stop that is over only the innermost frame: nobody can prepare anything for the rest of that stack any more. Times of one
 * kind become one list, and what is entered again and again is counted.
 */
export function merged(events: readonly SessionEvent[]): SessionEvent[] {
  const result: SessionEvent[] = [];
  const files = new Set<string>();
  const over = new Set<number>();
  const times = new Map<LatencyKind, Told<'latency'> & { more: number[] }>();
  // The entry after which no other place of the program is told of.
  let entry: (Told<'entered'> & { times: number }) | null = null;
  for (const event of events.toReversed()) {
    switch (event.kind) {
      case 'breakpointsSet':
        if (!files.has(event.file.file)) result.push(event);
        files.add(event.file.file);
        break;
      case 'continued':
        over.add(event.thread);
        result.push(event);
        break;
      case 'stopped': {
        const obsolete = over.has(event.thread);
        over.add(event.thread);
        if (event.frames.length > 0) entry = null;
        result.push(obsolete ? { ...event, frames: event.frames.slice(0, 1) } : event);
        break;
      }
      case 'entered':
        if (entry?.module === event.module && event.ready && entry.ready) {
          entry.times += event.times ?? 1;
        } else {
          entry = { ...event, times: event.times ?? 1 };
          result.push(entry);
        }
        break;
      case 'latency': {
        const known = times.get(event.of);
        if (known === undefined) {
          const first = { ...event, more: [...(event.more ?? [])] };
          times.set(event.of, first);
          result.push(first);
        } else known.more.push(event.ms, ...(event.more ?? []));
        break;
      }
      case 'modulesLoaded': {
        const next = result.at(-1);
        if (next?.kind === 'modulesLoaded') {
          result[result.length - 1] = { ...event, modules: [...event.modules, ...next.modules] };
        } else result.push(event);
        break;
      }
      default:
        result.push(event);
    }
  }
  return result.reverse();
}

type Told<Kind extends SessionEvent['kind']> = Extract<SessionEvent, { kind: Kind }>;
