// What can be set, and its value where nobody says anything: one list for extension, server and adapter. package.json shows the
// same to users, which a test keeps in step. Knows no message.

export const STRATEGIES = ['demand-driven', 'predictive', 'learning'] as const;
export type Strategy = (typeof STRATEGIES)[number];

/** How far a prediction may reach: functions called directly, the usual neighbourhood, everything reachable. */
export const SCOPES = ['minimal', 'conservative', 'transitive'] as const;
export type PredictionScope = (typeof SCOPES)[number];

/** The settings that the server acts on, parsed; sent again by `coordination/settings` when they change. */
export interface ServerSettings {
  enabled: boolean;
  strategy: Strategy;
  scope: PredictionScope;
  performanceMonitoring: boolean;
  /** Bytes. */
  memoryThreshold: number;
  /** ms */
  fallbackTimeout: number;
  codeLenses: boolean;
  /** Days after which learned usage is forgotten. */
  historyDays: number;
  /** Bytes of learned usage to keep on disk. */
  historySize: number;
}

const MB = 1024 * 1024;

export const DEFAULT_SETTINGS: Readonly<ServerSettings> = {
  enabled: true,
  strategy: 'demand-driven',
  scope: 'conservative',
  performanceMonitoring: true,
  memoryThreshold: 100 * MB,
  fallbackTimeout: 2_000,
  codeLenses: true,
  historyDays: 90,
  historySize: 5 * MB,
};
