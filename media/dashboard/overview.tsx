// The first view: what matters now as figures, then the charts.
import type { ComponentChildren } from 'preact';
import type { CacheMetrics, MetricsSnapshot, PredictionScore } from '../../protocol/metrics';
import { bytes, count, duration, percent } from './format';
import { Latency } from './latency';
import { Card, Empty, Figure, Share, Table } from './pieces';
import { text } from './strings';
import { Timeline } from './timeline';
import { WorkingSet } from './workingSet';

export function Overview({ snapshot }: { snapshot: MetricsSnapshot }) {
  return (
    <>
      <Now snapshot={snapshot} />
      <div class="cards">
        <Timeline snapshot={snapshot} />
        <Latency latencies={snapshot.latencies} />
        <WorkingSet samples={snapshot.workingSet} />
        <Cache cache={snapshot.cache} />
        <Prediction scores={snapshot.prediction} />
      </div>
    </>
  );
}

function Now({ snapshot }: { snapshot: MetricsSnapshot }) {
  const { sessions, latencies, cache } = snapshot;
  const running = sessions.filter((session) => session.running);
  const sum = (of: (session: (typeof sessions)[number]) => number, from = running): number =>
    from.reduce((total, session) => total + of(session), 0);
  const preparedBytes = sum((session) => session.preparedBytes);
  const threshold = sum((session) => session.memoryThreshold);
  const decisions = sum((session) => session.decisions, sessions);
  const fallbacks = sum((session) => session.fallbacks, sessions);
  const overheads = running.flatMap(({ overhead }) => (overhead === null ? [] : [overhead]));
  const { p50, p95 } = latencies.clickToArmed;
  return (
    <section>
      <h2 class="unseen">{text.now}</h2>
      <dl class="tiles">
        <Tile
          title={text.interpretedNow}
          value={count(sum((session) => session.interpretedModules))}
          more={text.preparedToo(count(sum((session) => session.preparedModules)))}
        />
        <Tile
          title={text.clickToArmed}
          value={<Figure of={p50} as={duration} />}
          more={p95 === null ? text.median : text.p95(duration(p95))}
        />
        <Tile
          title={text.stops}
          value={count(sum((session) => session.stops, sessions))}
          more={text.stepsToo(count(sum((session) => session.steps, sessions)))}
        />
        <Tile
          title={text.preparedMemory}
          value={bytes(preparedBytes)}
          more={threshold === 0 ? '' : text.ofThreshold(bytes(threshold), percent(preparedBytes / threshold))}
        />
        <Tile
          title={text.cacheHitRate}
          value={<Figure of={cache.hitRate} as={percent} />}
          more={text.hitsAndMisses(count(cache.hits), count(cache.misses))}
        />
        <Tile
          title={text.fallbacks}
          value={decisions === 0 ? <Figure of={null} as={percent} /> : percent(fallbacks / decisions)}
          more={text.ofDecisions(count(fallbacks), count(decisions))}
        />
        <Tile
          title={text.overhead}
          value={<Figure of={overheads.length === 0 ? null : Math.max(...overheads)} as={percent} />}
          more={text.ofSessionTime}
        />
      </dl>
    </section>
  );
}

function Tile({ title, value, more }: { title: string; value: ComponentChildren; more: string }) {
  return (
    <div class="tile">
      <dt>{title}</dt>
      <dd>
        <span class="figure">{value}</span>
        <span class="quiet">{more}</span>
      </dd>
    </div>
  );
}

function Cache({ cache }: { cache: CacheMetrics }) {
  const entered = cache.hits + cache.misses;
  return (
    <Card title={text.cache} wide>
      {entered === 0 && cache.diskEntries === 0 ? (
        <Empty>{text.cacheEmpty}</Empty>
      ) : (
        <dl class="tiles">
          <Tile
            title={text.cacheHitRate}
            value={<Share of={cache.hitRate} />}
            more={text.hitsAndMisses(count(cache.hits), count(cache.misses))}
          />
          <Tile title={text.diskEntries} value={count(cache.diskEntries)} more={bytes(cache.diskBytes)} />
          <Tile title={text.diskHits} value={count(cache.diskHits)} more="" />
          <Tile title={text.corrupt} value={count(cache.corrupt)} more="" />
        </dl>
      )}
    </Card>
  );
}

function Prediction({ scores }: { scores: PredictionScore[] }) {
  return (
    <Card title={text.prediction} wide>
      {scores.every(({ outcomes }) => outcomes === 0) ? (
        <Empty>{text.predictionEmpty}</Empty>
      ) : (
        <>
          <p class="quiet">{text.predictionText}</p>
          <Table
            label={text.prediction}
            rows={scores}
            rowKey={({ strategy }) => strategy}
            columns={[
              { title: text.strategy, cell: ({ strategy }) => text.strategies[strategy] },
              { title: text.hit1, cell: ({ hit1 }) => <Share of={hit1} /> },
              { title: text.hit5, cell: ({ hit5 }) => <Share of={hit5} /> },
              { title: text.hit10, cell: ({ hit10 }) => <Share of={hit10} /> },
              { title: text.coverage, cell: ({ coverage }) => <Share of={coverage} /> },
              { title: text.wasted, numeric: true, cell: ({ wastedBytes }) => bytes(wastedBytes) },
              { title: text.weight, numeric: true, cell: ({ weight }) => <Figure of={weight} as={percent} /> },
              { title: text.outcomes, numeric: true, cell: ({ outcomes }) => count(outcomes) },
            ]}
          />
        </>
      )}
    </Card>
  );
}
