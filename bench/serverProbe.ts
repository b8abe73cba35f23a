// Loaded into the coordination server by the benchmark (`node --require`), never part of the product: answers over IPC what
// only the process itself can measure.

export type ProbeQuestion = 'memory' | 'cpu';
/** `memory`: bytes of heapUsed + external after garbage collection. `cpu`: ms of processor time so far. */
export interface ProbeAnswer {
  question: ProbeQuestion;
  value: number;
}

/** Collections until nothing more comes free: finalizers of one make garbage for the next. */
const COLLECTIONS = 5;

async function measure(question: ProbeQuestion): Promise<number> {
  if (question === 'cpu') {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000;
  }
  const { gc } = globalThis;
  if (gc === undefined) throw new Error('the probe needs --expose-gc');
  for (let turn = 0; turn < COLLECTIONS; turn++) {
    await gc({ type: 'major', execution: 'async' });
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

process.on('message', (question: ProbeQuestion) => {
  void measure(question).then((value) => process.send?.({ question, value } satisfies ProbeAnswer));
});
// The probe must not keep a server alive whose client is gone.
process.channel?.unref();
