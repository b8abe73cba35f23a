// One line of the timeline for what happened in a session. Pure; what happens too often to be read has no line.
import type { SessionEvent } from '../../protocol/coordination';
import type { TimelineEvent } from '../../protocol/metrics';

export function toldOf(session: string, event: SessionEvent): TimelineEvent | null {
  const line = (
    kind: TimelineEvent['kind'],
    text: string,
    module: string | null = null,
    ms: number | null = null,
  ): TimelineEvent => ({ at: event.at, session, kind, text, module, ms });
  switch (event.kind) {
    case 'breakpointsSet': {
      const { file, breakpoints } = event.file;
      const count = `${breakpoints.length} breakpoint${breakpoints.length === 1 ? '' : 's'}`;
      return line('breakpoint', `${count} in ${file === '' ? 'functions' : baseName(file)}`);
    }
    case 'stopped': {
      const top = event.frames[0];
      const place = top === undefined ? '' : ` in ${top.module}${top.function === undefined ? '' : `.${top.function}`}`;
      const often = event.times === undefined ? '' : ` ${event.times} times`;
      const text = `stopped${often}${place} (${event.reason})`;
      return line(event.reason === 'step' ? 'step' : 'stop', text, top?.module ?? null);
    }
    case 'entered': {
      const how = event.ready ? 'was ready' : `made the program wait ${event.waitedMs.toFixed(1)} ms`;
      const often = event.times === undefined || event.times === 1 ? '' : ` ${event.times} times`;
      return line('step', `entered ${event.module}${often}, which ${how}`, event.module, event.waitedMs);
    }
    case 'interpreted':
      return line('prepare', `prepared ${event.module}: ${event.cause}`, event.module, event.ms);
    case 'released':
      return line('release', `released ${event.modules.join(', ')}`, event.modules[0] ?? null);
    case 'held':
      return line('release', `${event.module} stays: ${event.by}`, event.module);
    case 'failed':
      return line('prepare', `${event.module} cannot be prepared: ${event.error}`, event.module);
    case 'reloaded':
      return line('reload', `reloaded ${event.modules.join(', ')}`, event.modules[0] ?? null);
    case 'fallback':
      return line('fallback', `decided without the server (${event.why})`);
    case 'modeChanged': {
      const { enabled, strategy } = event.mode;
      const mode = enabled ? strategy : 'coordination off';
      return line('session', `planning: ${mode}${event.paused ? ', paused' : ''}`);
    }
    case 'continued':
    case 'steppingInto':
    case 'modulesLoaded':
    case 'memory':
    case 'diskCache':
    case 'latency':
    case 'sessionEnded':
      return null;
  }
}

/** Of a path of either kind of system. */
function baseName(file: string): string {
  return file.split(/[\\/]/).at(-1) ?? file;
}
