// What the settings are where nobody says anything: one list for extension, server and adapter. package.json shows the same to
// users, which a test keeps in step. Values only.
import type { ServerSettings } from './server';

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
