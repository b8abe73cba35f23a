// One line of the timeline for what happened in a session. Pure; what happens too often to be read has no line.
import type { SessionEvent } from '../../protocol/coordination';
import type { TimelineEvent } from '../../protocol/metrics';

/** What the agent answers for a module that no code exists of yet (ecd_prepared.erl): it may be compiled any moment. */
const NOT_COMPILED_YET = /no such module|beam file was not found/;

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
      const place = file === '' ? 'functions' : baseName(file);
      const { length } = breakpoints;
      return line('breakpoint', length === 1 ? `1 breakpoint in ${place}` : `${length} breakpoints in ${place}`);
    }
    case 'stopped': {
      const top = event.frames[0];
      const place =
        top === undefined ? '' : [top.module, ...(top.function === undefined ? [] : [top.function])].join('.');
      const { times, reason } = event;
      // Whole sentences, as they are translated.
      const text =
        place === ''
          ? times === undefined
            ? `stopped (${reason})`
            : `stopped ${times} times (${reason})`
          : times === undefined
            ? `stopped in ${place} (${reason})`
            : `stopped ${times} times in ${place} (${reason})`;
      return line(reason === 'step' ? 'step' : 'stop', text, top?.module ?? null);
    }
    case 'entered': {
      const { module, ready, waitedMs, times } = event;
      const often = times === undefined || times === 1 ? module : `${module} ${times} times`;
      const text = ready
        ? `entered ${often}, which was ready`
        : `entered ${often}, which made the program wait ${waitedMs.toFixed(1)} ms`;
      return line('step', text, module, waitedMs);
    }
    case 'interpreted':
      return line('prepare', `prepared ${event.module}: ${event.cause}`, event.module, event.ms);
    case 'released':
      return line('release', `released ${event.modules.join(', ')}`, event.modules[0] ?? null);
    case 'held':
      return line('release', `${event.module} stays: ${event.by}`, event.module);
    case 'failed':
      return NOT_COMPILED_YET.test(event.error)
        ? null
        : line('prepare', `${event.module} cannot be prepared: ${event.error}`, event.module);
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
