// The agent's figures as the events that the server is told. Asks nobody.
import type { SessionEvent } from '../../protocol/coordination';

type Told<Kind extends SessionEvent['kind']> = Omit<Extract<SessionEvent, { kind: Kind }>, 'at'>;

/** `adapterBytes`: resident memory of this process. */
export function memoryOf(figures: Readonly<Record<string, unknown>>, adapterBytes: number): Told<'memory'> {
  const { busy } = figures;
  return {
    kind: 'memory',
    beamBytes: figure(figures['beamMemory']),
    preparedBytes: figure(figures['preparedBytes']),
    adapterBytes,
    busy: typeof busy === 'number' ? busy : null,
  };
}

/** null where the agent keeps nothing on disk and says nothing of it. */
export function diskCacheOf(figures: Readonly<Record<string, unknown>>): Told<'diskCache'> | null {
  const { diskEntries, diskBytes, diskHits, corrupt } = figures;
  if (typeof diskEntries !== 'number') return null;
  return {
    kind: 'diskCache',
    entries: diskEntries,
    bytes: figure(diskBytes),
    hits: figure(diskHits),
    corrupt: figure(corrupt),
  };
}

const figure = (value: unknown): number => (typeof value === 'number' ? value : 0);
