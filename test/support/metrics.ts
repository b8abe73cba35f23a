// Metrics of any size for tests and benchmarks, the same for the same arguments. No test knows them by heart.
import type {
  MetricsSnapshot,
  ModuleRow,
  Neighbourhood,
  SessionMetrics,
  SessionSummary,
  TimelineEvent,
} from '../../protocol/metrics';

/** 2026-03-01, 12:00 UTC. */
export const NOON = Date.UTC(2026, 2, 1, 12);

const AREAS = ['Cart', 'Catalog', 'Pricing', 'Orders', 'Payments', 'Shipping', 'Accounts', 'Search', 'Reports', 'Mail'];
const PARTS = ['Item', 'Rules', 'Worker', 'Store', 'Query', 'Server', 'View', 'Schema', 'Policy', 'Import'];

export function moduleName(index: number): string {
  const area = AREAS[index % AREAS.length] ?? '';
  const part = PARTS[Math.floor(index / AREAS.length) % PARTS.length] ?? '';
  const round = Math.floor(index / (AREAS.length * PARTS.length));
  return round === 0 ? `Shop.${area}.${part}` : `Shop.${area}.${part}.V${round}`;
}

export function moduleRow(index: number, more: Partial<ModuleRow> = {}): ModuleRow {
  const state = index % 9 === 0 ? 'interpreted' : index % 5 === 0 ? 'native' : 'prepared';
  const [area, part] = moduleName(index).toLowerCase().split('.').slice(1);
  return {
    module: moduleName(index),
    state,
    functions: state === 'interpreted' ? ['total/1', 'add/2'] : [],
    reason: state === 'interpreted' ? 'breakpoint' : `called by ${moduleName((index * 7 + 1) % 100)}`,
    bytes: 2_000 + ((index * 7_919) % 90_000),
    prepareMs: 0.2 + ((index * 31) % 50) / 10,
    predictedUse: state === 'native' ? null : ((index * 37) % 100) / 100,
    uses: (index * 13) % 40,
    lastUsedAt: index % 3 === 0 ? NOON - index * 500 : null,
    pinned: index % 17 === 0,
    neverInterpret: index % 23 === 1,
    own: index % 4 !== 3,
    file: `/home/user/shop/lib/shop/${area}/${part}.ex`,
    line: 3 + (index % 40),
    sessions: ['one'],
    ...more,
  };
}

const KINDS: readonly TimelineEvent['kind'][] = [
  'prepare',
  'prepare',
  'stop',
  'step',
  'step',
  'prepare',
  'release',
  'breakpoint',
  'step',
  'reload',
  'prepare',
  'fallback',
];

export function timelineEvent(index: number, from = NOON): TimelineEvent {
  const kind = KINDS[(index * 5) % KINDS.length] ?? 'step';
  const module = moduleName((index * 11) % 100);
  return {
    at: from + index * 350 + ((index * 53) % 200),
    session: 'one',
    kind,
    text: `${kind} ${module}`,
    module,
    ms: kind === 'prepare' || kind === 'step' ? 1 + ((index * 17) % 90) / 3 : null,
  };
}

export function session(id: string, more: Partial<SessionMetrics> = {}): SessionMetrics {
  return {
    id,
    name: 'mix test',
    projectDir: '/home/user/shop',
    running: true,
    connected: true,
    engine: 'interpreter',
    enabled: true,
    strategy: 'learning',
    paused: false,
    startedAt: NOON,
    endedAt: null,
    otp: 27,
    elixir: '1.18.4',
    stops: 12,
    steps: 87,
    preparedModules: 214,
    interpretedModules: 9,
    preparedBytes: 8_400_000,
    memoryThreshold: 104_857_600,
    beamBytes: 96_000_000,
    busy: 0.18,
    plans: 104,
    decisions: 99,
    fallbacks: 1,
    overhead: 0.013,
    stoppedIn: moduleName(2),
    breakpoints: [
      {
        file: '/home/user/shop/lib/shop/pricing/item.ex',
        line: 31,
        verified: true,
        hits: 11,
        modules: [moduleName(2)],
      },
      { file: '/home/user/shop/lib/shop/cart/rules.ex', line: 8, verified: false, hits: 0, modules: [] },
    ],
    ...more,
  };
}

export function summary(index: number): SessionSummary {
  return {
    id: `past-${index}`,
    name: index % 2 === 0 ? 'mix test' : 'mix phx.server',
    startedAt: NOON - (index + 1) * 86_400_000,
    endedAt: NOON - (index + 1) * 86_400_000 + 600_000 + index * 31_000,
    strategy: index % 3 === 0 ? 'predictive' : 'learning',
    stops: 20 - index,
    steps: 130 - index * 3,
    modulesUsed: Array.from({ length: 12 }, (_, offset) => moduleName(index * 3 + offset)),
    preparedModules: 180 + index,
    peakPreparedBytes: 9_000_000 - index * 120_000,
    hitRate: 0.96 - index * 0.03,
    hit5: 0.91 - index * 0.04,
    fallbackRate: 0.004 * index,
    clickToArmedP50: 2.1 + index * 0.3,
    stepP50: 3.4 + index * 0.2,
  };
}

const BOUNDS = [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000];

function latency(counts: number[], p50: number, p95: number): MetricsSnapshot['latencies']['step'] {
  const count = counts.reduce((sum, n) => sum + n, 0);
  const filled = [...counts, ...BOUNDS.map(() => 0)].slice(0, BOUNDS.length + 1);
  return { count, p50, p95, p99: p95 * 1.6, max: p95 * 2.2, bounds: BOUNDS, counts: filled };
}

/** Nothing has happened in the window. */
export function emptySnapshot(): MetricsSnapshot {
  const none = { count: 0, p50: null, p95: null, p99: null, max: null, bounds: BOUNDS, counts: BOUNDS.map(() => 0) };
  return {
    version: 1,
    revision: 1,
    at: NOON,
    health: {
      protocol: 2,
      pid: 4242,
      uptime: 61_000,
      indexed: true,
      files: 240,
      modules: 310,
      edges: 1_450,
      connections: 0,
      paused: false,
      refused: { wrongToken: 0, wrongVersion: 0, oversized: 0, malformed: 0, notGreeted: 0 },
      memoryBytes: 48_000_000,
      troubles: [],
    },
    sessions: [],
    modules: [],
    timeline: [],
    latencies: { clickToArmed: none, step: none, launch: none, plan: none },
    workingSet: [],
    cache: { hits: 0, misses: 0, hitRate: null, diskEntries: 0, diskBytes: 0, diskHits: 0, corrupt: 0 },
    prediction: [],
    alerts: [],
    history: [],
  };
}

/** A session in the middle of its work. */
export function busySnapshot({ modules = 240, events = 420 } = {}): MetricsSnapshot {
  const timeline = Array.from({ length: events }, (_, index) => timelineEvent(index));
  const end = timeline.at(-1)?.at ?? NOON;
  const empty = emptySnapshot();
  return {
    ...empty,
    revision: 40,
    at: end,
    health: { ...empty.health, connections: 1, refused: { ...empty.health.refused, wrongToken: 2 } },
    sessions: [
      session('one'),
      session('two', {
        name: 'mix run',
        running: false,
        connected: false,
        endedAt: NOON - 60_000,
        startedAt: NOON - 400_000,
        stoppedIn: null,
      }),
    ],
    modules: Array.from({ length: modules }, (_, index) => moduleRow(index)),
    timeline,
    latencies: {
      clickToArmed: latency([2, 9, 21, 14, 5, 2, 1], 1.8, 8.7),
      step: latency([0, 4, 17, 39, 18, 6, 2, 1], 3.6, 16),
      launch: latency([0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 1], 830, 1_400),
      plan: latency([60, 31, 12, 3], 0.4, 2.6),
    },
    workingSet: Array.from({ length: 120 }, (_, index) => ({
      at: NOON + (index * (end - NOON)) / 119,
      preparedBytes: 1_000_000 + 62_000 * index + 900_000 * Math.sin(index / 9),
      preparedModules: Math.round(30 + 1.6 * index + 8 * Math.sin(index / 7)),
      interpretedModules: Math.round(3 + 3 * Math.sin(index / 11) + index / 20),
      threshold: 16_777_216,
      beamBytes: 90_000_000 + index * 40_000,
    })),
    cache: {
      hits: 388,
      misses: 41,
      hitRate: 388 / 429,
      diskEntries: 57,
      diskBytes: 21_000_000,
      diskHits: 33,
      corrupt: 1,
    },
    prediction: [
      {
        strategy: 'demand-driven',
        outcomes: 212,
        hit1: 0.21,
        hit5: 0.34,
        hit10: 0.36,
        coverage: 0.3,
        wastedBytes: 0,
        weight: 0.11,
      },
      {
        strategy: 'predictive',
        outcomes: 212,
        hit1: 0.38,
        hit5: 0.69,
        hit10: 0.81,
        coverage: 0.77,
        wastedBytes: 2_300_000,
        weight: 0.34,
      },
      {
        strategy: 'learning',
        outcomes: 212,
        hit1: 0.61,
        hit5: 0.9,
        hit10: 0.95,
        coverage: 0.93,
        wastedBytes: 900_000,
        weight: 0.55,
      },
    ],
    alerts: [
      {
        id: 'memory',
        severity: 'warning',
        at: end - 20_000,
        text: 'Prepared modules take 92% of the memory threshold.',
        hint: 'Raise elixirLS.coordinatedInterpretation.memoryThreshold, or release modules that are not used.',
        command: 'elixirCoordinatedDebugger.showLog',
      },
    ],
    history: Array.from({ length: 8 }, (_, index) => summary(index)),
  };
}

/** Three that use it, five that it uses, one of them both ways, one seen in source alone. */
export function neighbourhood(module: string, depth: number): Neighbourhood {
  const users = [10, 21, 33].map(moduleName);
  const used = [4, 15, 26, 37, 48].map(moduleName);
  const far = depth > 1 ? [51, 62].map(moduleName) : [];
  const [back = '', beyond = ''] = used;
  const node = (name: string, index: number): Neighbourhood['nodes'][number] => ({
    module: name,
    own: index % 4 !== 3,
    state: index % 3 === 0 ? 'interpreted' : index % 3 === 1 ? 'prepared' : 'native',
    file: `/home/user/shop/lib/${name}.ex`,
  });
  return {
    module,
    nodes: [module, ...users, ...used, ...far].map(node),
    edges: [
      ...users.map((from) => ({ from, to: module, kind: 'call', origin: 'beam' as const })),
      ...used.map((to, index) => ({
        from: module,
        to,
        kind: 'call',
        origin: index === 4 ? ('source' as const) : ('beam' as const),
      })),
      { from: back, to: module, kind: 'call', origin: 'beam' },
      ...far.map((to) => ({ from: beyond, to, kind: 'call', origin: 'beam' as const })),
    ],
    omitted: 7,
  };
}
