// Figures as people read them in the user's language: sizes, shares, times. Pure but for the language.
import * as vscode from 'vscode';

const MEGABYTE = 1024 * 1024;

/** Bytes. */
export function size(bytes: number): string {
  if (bytes < 1024) return `${number(bytes, 0)} B`;
  if (bytes < MEGABYTE) return `${number(bytes / 1024, bytes < 10 * 1024 ? 1 : 0)} KB`;
  return `${number(bytes / MEGABYTE, bytes < 10 * MEGABYTE ? 1 : 0)} MB`;
}

/** 0..1; a dash where nothing was measured. */
export function share(value: number | null): string {
  if (value === null) return '–';
  const digits = value < 0.1 && value > 0 ? 1 : 0;
  return value.toLocaleString(vscode.env.language, { style: 'percent', maximumFractionDigits: digits });
}

/** Milliseconds; a dash where nothing was measured. */
export function milliseconds(value: number | null): string {
  return value === null ? '–' : `${number(value, value < 10 ? 1 : 0)} ms`;
}

function number(value: number, digits: number): string {
  return value.toLocaleString(vscode.env.language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
