// A tour of one debug session on the sample project, told on the terminal, and the same session with everything
// interpreted for comparison. Starts no program but the adapter.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Client } from './dap.mjs';
import { bold, cyan, dim, excerpt, fit, green, pairs, say, step, table } from './terminal.mjs';

/** The breakpoint: a closure that Enum calls and that calls a protocol. */
const stopText = 'Discount.amount(discount, receipt.items)';

/** Where the trail of steps ends: the implementation that the protocol chooses. */
const entered = 'Percent.amount';

/** Code of the sample that holds no breakpoint, ms: the price of a debugger is what happens to it. */
const workload = {
  what: 'printing 1000 receipts meanwhile',
  expression: '(:timer.tc(fn -> for _ <- 1..1000, do: Shop.Receipt.print(receipt) end) |> elem(0)) / 1000',
};

/** Sessions of each kind behind the times of the table: one alone says more about the machine's mood. */
const ROUNDS = 3;

export async function tour({ adapter, sample }) {
  // The first session of a machine compiles the debug agent; what is timed below is every later one.
  await (await launch(adapter, sample, true)).client.close();
  await tellSession(adapter, sample);

  const onDemand = [];
  const everything = [];
  for (let round = 0; round < ROUNDS; round++) {
    onDemand.push(await timeSession(adapter, sample, true));
    everything.push(await timeSession(adapter, sample, false));
  }
  step('The same session with everything interpreted', 'What debugging cost before: `coordination.enabled: false`.');
  table(
    ['', 'on demand', 'all interpreted'],
    [
      ['launch → stopped at the breakpoint', ms(middle(onDemand, 'stopped')), ms(middle(everything, 'stopped'))],
      [workload.what, ms(middle(onDemand, 'workload')), ms(middle(everything, 'workload'))],
      ['interpreted while it stands there', onDemand[0].interpreted, everything[0].interpreted],
    ],
  );
}

/** The median. */
const middle = (sessions, key) => sessions.map((session) => session[key]).sort((a, b) => a - b)[(ROUNDS - 1) / 2];

async function tellSession(adapter, sample) {
  const session = await launch(adapter, sample, true);
  const { client, thread } = session;
  try {
    const frame = await showStop(session, sample);
    await showEvaluation(client, frame);
    await showTrail(client, sample, thread, frame);
    await showInterpreted(client);
    await showEnd(session);
  } finally {
    await client.close();
  }
}

async function timeSession(adapter, sample, coordinated) {
  const session = await launch(adapter, sample, coordinated);
  const { client, thread, stopped } = session;
  try {
    const [frame] = await stack(client, thread);
    const time = await measureWorkload(client, frame);
    const { modules } = await client.request('getInterpretationStatus');
    await finish(session);
    return { stopped, workload: time, interpreted: amount(modules, coordinated) };
  } finally {
    await client.close();
  }
}

function amount(modules, coordinated) {
  const interpreted = modules.filter(({ state }) => state === 'interpreted');
  const functions = interpreted.reduce((sum, module) => sum + module.functions.length, 0);
  const [count, what] = coordinated ? [functions, 'function'] : [interpreted.length, 'module'];
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

// ── the session ────────────────────────────────────────────────────────────────────────────────────────────────────

/** Runs `mix checkout` up to its breakpoint. */
async function launch(adapter, sample, coordinated) {
  const file = path.join(sample, 'lib', 'shop', 'pricing.ex');
  const line =
    1 +
    readFileSync(file, 'utf8')
      .split('\n')
      .findIndex((text) => text.includes(stopText));
  const client = new Client(adapter);
  try {
    await client.request('initialize', {
      adapterID: 'elixir',
      linesStartAt1: true,
      columnsStartAt1: true,
      pathFormat: 'path',
    });
    const from = performance.now();
    const launched = client.request('launch', {
      type: 'elixir',
      request: 'launch',
      projectDir: sample,
      task: 'checkout',
      coordination: { enabled: coordinated },
    });
    // A launch that fails is answered and never becomes initialized.
    await Promise.race([client.event('initialized'), launched.then(() => client.event('initialized'))]);
    await client.request('setBreakpoints', { source: { path: file }, breakpoints: [{ line }] });
    await Promise.all([client.request('configurationDone'), launched]);
    const { name, body } = await client.event('stopped', 'terminated');
    if (name === 'terminated') throw new Error(`the program ended before the breakpoint:\n${client.output}`);
    return { client, file, thread: body.threadId, stopped: performance.now() - from };
  } catch (error) {
    await client.close();
    throw error;
  }
}

async function measureWorkload(client, frame) {
  const { result } = await client.request('evaluate', {
    expression: workload.expression,
    frameId: frame.id,
    context: 'watch',
  });
  return Number(result);
}

/** Without its breakpoint the program runs to its end. */
async function finish({ client, file, thread }) {
  await client.request('setBreakpoints', { source: { path: file }, breakpoints: [] });
  await client.request('continue', { threadId: thread });
  return (await client.event('exited')).body.exitCode;
}

async function stack(client, thread) {
  return (await client.request('stackTrace', { threadId: thread, startFrame: 0, levels: 20 })).stackFrames;
}

// ── what the reader sees ───────────────────────────────────────────────────────────────────────────────────────────

async function showStop({ client, thread, stopped }, sample) {
  step(
    `Stopped at the breakpoint, ${ms(stopped)} after launch`,
    '`mix checkout` runs as compiled; only the function that holds the breakpoint is interpreted.',
  );
  const frames = await stack(client, thread);
  const [frame] = frames;
  await excerpt(frame.source.path, frame.line);
  say();
  say(`   ${bold('Stack')}`);
  const width = Math.max(...frames.slice(0, 6).map(({ name }) => name.length));
  for (const each of frames.slice(0, 6)) say(`     ${each.name.padEnd(width)}  ${dim(place(sample, each))}`);
  if (frames.length > 6) say(`     ${dim(`… and ${frames.length - 6} more`)}`);
  say();
  say(`   ${bold('Variables')}`);
  await showVariables(client, frame);
  return frame;
}

async function showEvaluation(client, frame) {
  step('Evaluated right there', 'Aliases and private functions of the module are known, as in its own code.');
  for (const expression of ['Enum.map(receipt.items, &Item.total/1)', 'add_tax(%{receipt | saved: 200}).tax']) {
    const { result } = await client.request('evaluate', { expression, frameId: frame.id, context: 'repl' });
    say(`     ${dim('>')} ${expression}`);
    say(`     ${green(fit(result, 5))}`);
  }
}

async function showTrail(client, sample, thread, from) {
  step(
    'Stepped into a module that nobody named',
    'Through Enum, a closure and a protocol; each module is fetched at the moment it is entered.',
  );
  const trail = [{ frame: from, took: 0 }];
  while (!trail.at(-1).frame.name.includes(entered)) {
    if (trail.length > 8) throw new Error('stepping in did not arrive in the discount');
    const begun = performance.now();
    await Promise.all([client.event('stopped'), client.request('stepIn', { threadId: thread })]);
    const took = performance.now() - begun;
    const [frame] = await stack(client, thread);
    trail.push({ frame, took });
  }
  const width = Math.max(...trail.map(({ frame }) => frame.name.length));
  for (const [i, { frame, took }] of trail.entries()) {
    const time = i === 0 ? '' : `, ${ms(took)}`;
    say(`     ${i === 0 ? ' ' : green('↳')} ${frame.name.padEnd(width)}  ${dim(`${place(sample, frame)}${time}`)}`);
  }
  const { frame } = trail.at(-1);
  say();
  await excerpt(frame.source.path, frame.line);
  say();
  await showVariables(client, frame);
}

async function showInterpreted(client) {
  step('What it took', 'These functions are interpreted; everything else runs as compiled.');
  const { modules } = await client.request('getInterpretationStatus');
  const active = modules.filter(({ state }) => state === 'interpreted');
  const width = Math.max(...active.map(({ module }) => module.length));
  for (const { module, functions } of active) say(`     ${cyan(module.padEnd(width))}  ${functions.join(', ')}`);
}

async function showEnd(session) {
  const exitCode = await finish(session);
  step('Continued to the end', `The program printed what it always prints, and ended with exit code ${exitCode}.`);
  for (const text of session.client.output.trimEnd().split('\n')) say(`     ${text}`);
}

async function showVariables(client, frame) {
  const { scopes } = await client.request('scopes', { frameId: frame.id });
  const { variables } = await client.request('variables', { variablesReference: scopes[0].variablesReference });
  pairs(variables.map(({ name, value }) => [name, value]));
}

function place(sample, { source, line }) {
  if (source?.path === undefined) return '';
  const relative = path.relative(sample, source.path);
  return `${relative.startsWith('..') ? path.basename(source.path) : relative}:${line}`;
}

const ms = (time) => `${time < 10 ? time.toFixed(1) : Math.round(time)} ms`;
