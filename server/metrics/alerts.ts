// What the user should know without looking for it, from figures alone. Pure: the same figures, the same alerts.
import type { Alert, PredictionScore, RefusalCounts } from '../../protocol/metrics';

/** A rate over fewer decisions says nothing. */
const ENOUGH_DECISIONS = 20;
const HIGH_FALLBACK_RATE = 0.05;
const ENOUGH_OUTCOMES = 20;
const POOR_HIT5 = 0.25;
/** The debugged VM has grown by that factor and by that many bytes since its first sample. */
const GROWTH = 2;
const GROWTH_BYTES = 256 * 1024 * 1024;
/** Share of the threshold from which on it counts as reached. */
const FULL = 0.98;
const MB = 1024 * 1024;

export interface SessionFigures {
  id: string;
  name: string;
  strategy: string;
  preparedBytes: number;
  memoryThreshold: number;
  /** Bytes of what cannot be released. */
  heldBytes: number;
  decisions: number;
  fallbacks: number;
  firstBeamBytes: number | null;
  beamBytes: number | null;
  failed: number;
}

export interface Figures {
  sessions: readonly SessionFigures[];
  prediction: readonly PredictionScore[];
  refused: RefusalCounts;
  corrupt: number;
}

type Draft = Omit<Alert, 'at'>;

export function alertsOf({ sessions, prediction, refused, corrupt }: Figures): Draft[] {
  return [
    ...sessions.flatMap((session) => [memory(session), fallbacks(session), growth(session), failures(session)]),
    ...sessions.map((session) => quality(session, prediction)),
    refusals(refused),
    corruption(corrupt),
  ].filter((alert) => alert !== null);
}

function memory({ id, name, preparedBytes, memoryThreshold, heldBytes }: SessionFigures): Draft | null {
  if (preparedBytes < memoryThreshold * FULL || preparedBytes === 0) return null;
  const held = heldBytes >= memoryThreshold;
  return {
    id: `memory:${id}`,
    severity: held ? 'warning' : 'info',
    text: `“${name}” has reached the memory threshold: ${megabytes(preparedBytes)} of ${megabytes(memoryThreshold)} are prepared.`,
    hint: held
      ? 'What is prepared is in use or pinned. Raise elixirLS.coordinatedInterpretation.memoryThreshold, or unpin modules.'
      : 'The least likely used modules are released for more urgent ones. Raise elixirLS.coordinatedInterpretation.memoryThreshold to keep more.',
    command: null,
  };
}

function fallbacks({ id, name, decisions, fallbacks }: SessionFigures): Draft | null {
  if (decisions < ENOUGH_DECISIONS || fallbacks / decisions < HIGH_FALLBACK_RATE) return null;
  return {
    id: `fallback:${id}`,
    severity: 'warning',
    text: `“${name}” decided ${fallbacks} of ${decisions} times without the coordination server.`,
    hint: 'Debugging goes on by demand. If the machine is busy, raise elixirLS.coordinatedInterpretation.fallbackTimeout; otherwise restart the server.',
    command: 'elixirCoordinatedDebugger.restartServer',
  };
}

function growth({ id, name, firstBeamBytes, beamBytes }: SessionFigures): Draft | null {
  if (firstBeamBytes === null || beamBytes === null) return null;
  if (beamBytes < firstBeamBytes * GROWTH || beamBytes - firstBeamBytes < GROWTH_BYTES) return null;
  return {
    id: `growth:${id}`,
    severity: 'warning',
    text: `The memory of “${name}” grew from ${megabytes(firstBeamBytes)} to ${megabytes(beamBytes)} during the session.`,
    hint: 'Look at the processes with the largest heaps and mailboxes; a process that stands at a breakpoint gathers messages.',
    command: null,
  };
}

function failures({ id, name, failed }: SessionFigures): Draft | null {
  if (failed === 0) return null;
  return {
    id: `failed:${id}`,
    severity: 'info',
    text: `${failed === 1 ? 'One module' : `${failed} modules`} of “${name}” cannot be prepared and can only run natively.`,
    hint: 'Modules without debug info cannot be stepped into; compile them with debug_info.',
    command: null,
  };
}

/** Of the strategy in use; the others are only compared. */
function quality({ id, name, strategy }: SessionFigures, scores: readonly PredictionScore[]): Draft | null {
  const score = strategy === 'demand-driven' ? undefined : scores.find((one) => one.strategy === strategy);
  if (score?.hit5 == null || score.outcomes < ENOUGH_OUTCOMES || score.hit5 >= POOR_HIT5) return null;
  return {
    id: `prediction:${id}`,
    severity: 'info',
    text: `“${strategy}” foresaw ${Math.round(score.hit5 * 100)} % of the modules that “${name}” entered.`,
    hint: 'Compile the project so that the dependency graph is whole, or choose another strategy.',
    command: null,
  };
}

function refusals(refused: RefusalCounts): Draft | null {
  const strangers = refused.wrongToken + refused.notGreeted;
  const broken = refused.malformed + refused.oversized + refused.wrongVersion;
  if (strangers + broken === 0) return null;
  return {
    id: 'refused',
    severity: 'warning',
    text: `The pipe of the coordination refused ${strangers + broken} message(s): ${Object.entries(refused)
      .filter(([, count]) => count > 0)
      .map(([reason, count]) => `${reason} ${count}`)
      .join(', ')}.`,
    hint:
      refused.wrongVersion > 0
        ? 'Adapter and server are of different versions: reload the window.'
        : 'Another program tried to connect, or the extension is damaged. The log says more.',
    command: 'elixirCoordinatedDebugger.showLog',
  };
}

function corruption(corrupt: number): Draft | null {
  if (corrupt === 0) return null;
  return {
    id: 'corrupt',
    severity: 'info',
    text: `${corrupt} cached module(s) on disk were damaged and dropped; they are prepared anew.`,
    hint: null,
    command: null,
  };
}

const megabytes = (bytes: number): string => `${(bytes / MB).toFixed(bytes < 10 * MB ? 1 : 0)} MB`;
